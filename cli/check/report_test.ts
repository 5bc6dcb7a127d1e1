// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import type { Problem } from "@denvoy/base";
import { stylesFor } from "../output/styles.ts";
import { githubReport, jsonReport, textReport } from "./report.ts";

const error: Problem = {
  severity: "error",
  message: "100% wrong\nindeed",
  file: "a,b:c.yaml",
  line: 3,
  column: 5,
  path: "resources[0].nmae",
  hint: 'did you mean "name"?',
};
const warning: Problem = { severity: "warning", message: "odd" };
const result = {
  files: 1,
  limitFiles: 0,
  resources: 2,
  rules: 0,
  problems: [error, warning],
  referencesUnknown: false,
};

Deno.test("textReport() has a line per problem and a summary", () => {
  assert.equal(
    textReport(result, stylesFor(false)),
    'error: a,b:c.yaml:3:5: resources[0].nmae: 100% wrong\nindeed (did you mean "name"?)\n' +
      "warning: odd\n1 file, 2 resources: 1 error, 1 warning\n",
  );
});

Deno.test("textReport() says that nothing is wrong, and what could not be checked", () => {
  const good = { ...result, problems: [], resources: 0, referencesUnknown: true };
  assert.equal(
    textReport(good, stylesFor(false)),
    "note: references were not followed, as not every file could be read\n" +
      "1 file, no resources: no problems\n",
  );
});

Deno.test("textReport() counts the rules of limit files", () => {
  const limits = { ...result, files: 2, problems: [] };
  const summary = (resources: number, rules: number) =>
    textReport({ ...limits, limitFiles: 2, resources, rules }, stylesFor(false));
  assert.equal(summary(0, 0), "2 files, no limit rules without errors: no problems\n");
  assert.equal(summary(0, 1), "2 files, 1 limit rule: no problems\n");
  assert.equal(summary(3, 2), "2 files, 3 resources, 2 limit rules: no problems\n");
});

Deno.test("jsonReport() holds every problem as it is", () => {
  const { problems, ok, errors, warnings, referencesChecked } = JSON.parse(jsonReport(result));
  assert.deepEqual(problems, [error, warning]);
  const rest = { ok, errors, warnings, referencesChecked };
  assert.deepEqual(rest, { ok: false, errors: 1, warnings: 1, referencesChecked: true });
});

Deno.test("githubReport() escapes what workflow commands give a meaning", () => {
  assert.equal(
    githubReport(result),
    "::error file=a%2Cb%3Ac.yaml,line=3,col=5::" +
      'resources[0].nmae: 100%25 wrong%0Aindeed (did you mean "name"?)\n' +
      "::warning ::odd\n",
  );
});

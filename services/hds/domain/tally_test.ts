// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { type Agreement, type Finding, tally, type Vote } from "./tally.ts";

const words: Readonly<Record<string, Vote>> = { p: "pass", f: "fail", t: "timeout", "-": "none" };

Deno.test("tally() counts against all probers of an endpoint, not against those that voted", () => {
  const cases: readonly (readonly [Agreement, string, Finding])[] = [
    ["majority", "", "keep"],
    ["majority", "-", "keep"],
    ["majority", "p", "HEALTHY"],
    ["majority", "f", "UNHEALTHY"],
    ["majority", "t", "TIMEOUT"],
    ["majority", "pf", "keep"],
    ["majority", "f-", "keep"],
    ["majority", "ppf", "HEALTHY"],
    ["majority", "pff", "UNHEALTHY"],
    ["majority", "f--", "keep"],
    ["majority", "ff-", "UNHEALTHY"],
    ["majority", "tt-", "TIMEOUT"],
    ["majority", "tf-", "UNHEALTHY"],
    ["majority", "ppff", "keep"],
    ["any", "pff", "HEALTHY"],
    ["any", "ff-", "keep"],
    ["any", "fff", "UNHEALTHY"],
    ["all", "ppf", "UNHEALTHY"],
    ["all", "pp-", "keep"],
    ["all", "ppp", "HEALTHY"],
  ];
  for (const [agreement, votes, wanted] of cases) {
    const given = [...votes].map((letter) => words[letter] ?? "none");
    assert.equal(tally(given, agreement), wanted, `${agreement} ${votes}`);
  }
});

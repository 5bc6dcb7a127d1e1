// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { addCounts, formatCounts, parseCounts } from "./counts.ts";
import { batches, parseTestFlags } from "./main.ts";
import { failureLines, resultLine } from "./report.ts";
import { countsOf, runStage } from "./run_stage.ts";
import { allStages, selectStages, type Stage } from "./stages.ts";

const summaries: Readonly<
  Record<string, readonly [passed: number, failed: number, skipped: number]>
> = {
  "ok | 15 passed | 0 failed (1s)": [15, 0, 0],
  "FAILED | 3 passed (2 steps) | 1 failed (1 step) | 2 ignored (3s)": [3, 1, 2],
  "ok | 0 passed | 0 failed | 4 filtered out (3ms)": [0, 0, 0],
  "ok | 4 passed (10 steps) | 0 failed | 1 ignored (1 step) | 4 filtered out (3ms)": [4, 0, 1],
};
for (const [line, [passed, failed, skipped]] of Object.entries(summaries)) {
  Deno.test(`parseCounts() reads: ${line}`, () => {
    assert.deepEqual(parseCounts(["a ... ok (1ms)", line, ""]), { passed, failed, skipped });
  });
}

Deno.test("parseCounts() finds nothing in other output", () => {
  assert.equal(parseCounts(["error: Module not found", "1 passed | 2 failed"]), undefined);
});

Deno.test("formatCounts() names what was skipped only if something was", () => {
  const sum = addCounts([{ passed: 1, failed: 2, skipped: 0 }, {
    passed: 3,
    failed: 0,
    skipped: 0,
  }]);
  assert.equal(formatCounts(sum), "4 passed, 2 failed");
  assert.equal(formatCounts({ ...sum, skipped: 5 }), "4 passed, 2 failed, 5 skipped");
});

function stage(name: string, more: Partial<Stage> = {}): Stage {
  return { name, kind: "tests", args: [], isolated: false, withinMs: 1, ...more };
}

const outcomes: Readonly<
  Record<string, readonly [stage: Stage, code: number, lines: readonly string[], counts: string]>
> = {
  "a check that passed is one": [stage("lint", { kind: "check" }), 0, [], "1 passed, 0 failed"],
  "a check that failed is one": [stage("lint", { kind: "check" }), 1, [], "0 passed, 1 failed"],
  "tests are counted": [stage("unit"), 0, ["ok | 7 passed | 0 failed (1s)"], "7 passed, 0 failed"],
  "a failure that is no test's is one": [
    stage("unit"),
    1,
    ["ok | 7 passed | 0 failed (1s)"],
    "7 passed, 1 failed",
  ],
  "a crash is one": [stage("unit"), 134, ["Segmentation fault"], "0 passed, 1 failed"],
};
for (const [name, [tested, code, lines, counts]] of Object.entries(outcomes)) {
  Deno.test(`countsOf() ${name}`, () => {
    assert.equal(formatCounts(countsOf(tested, { code, lines })), counts);
  });
}

function crashOnce(file: string): string {
  return `try { Deno.statSync("${file}"); } catch { ` +
    `Deno.writeTextFileSync("${file}", ""); Deno.kill(Deno.pid, "SIGKILL"); }`;
}

for (const [kind, verdict] of [["check", "passed"], ["tests", "failed"]] as const) {
  Deno.test(`runStage() of a stage of kind ${kind} that crashes once has ${verdict}`, async () => {
    const folder = Deno.makeTempDirSync();
    const args = ["eval", crashOnce(`${folder}/crashed`)];
    const stage: Stage = { ...{ name: "crash", kind, args }, isolated: true, withinMs: 20_000 };
    const lines: string[] = [];
    const onLine = (line: string) => lines.push(line);
    const { counts } = await runStage(stage, { testArgs: [], onLine });
    Deno.removeSync(folder, { recursive: true });
    assert.equal(counts.failed, verdict === "passed" ? 0 : 1, lines.join("\n"));
    assert.ok(lines.includes("crash was ended by SIGKILL"), lines.join("\n"));
  });
}

Deno.test("allStages() runs checks first and leaves no folder of tests out", () => {
  const names = allStages(["libs", "tests/envoy", "tests/support", "tests/new", "tests/structure"])
    .map(({ name }) => name);
  assert.deepEqual(names.slice(0, 3), ["format", "lint", "types"]);
  assert.deepEqual(names.slice(-4), ["unit", "support", "envoy", "new"]);
  assert.equal(names.filter((name) => name === "structure").length, 1);
});

Deno.test("allStages() gives tests that measure the machine to themselves, at the end", () => {
  const stages = allStages(["tests/faults", "tests/new", "tests/envoy", "tests/redis", "libs"]);
  const names = batches(stages.slice(6)).map((batch) => batch.map(({ name }) => name).join("+"));
  assert.deepEqual(names, ["unit", "envoy+faults+new", "redis"]);
});

Deno.test("selectStages() keeps the order and refuses what there is not", () => {
  const stages = [stage("lint"), stage("unit"), stage("envoy")];
  assert.deepEqual(selectStages(stages, ["envoy", "lint"]).map(({ name }) => name), [
    "lint",
    "envoy",
  ]);
  assert.deepEqual(selectStages(stages, []), stages);
  assert.throws(() => selectStages(stages, ["e2e"]), /"e2e" as a stage must be one of lint, unit/);
});

Deno.test("batches() puts only isolated neighbours together", () => {
  const stages = [
    stage("a", { isolated: true }),
    stage("b", { isolated: true }),
    stage("c"),
    stage("d", { isolated: true }),
  ];
  const names = batches(stages).map((batch) => batch.map(({ name }) => name).join("+"));
  assert.deepEqual(names, ["a+b", "c", "d"]);
});

Deno.test("parseTestFlags() takes stages, then flags for deno test", () => {
  const flags = parseTestFlags(["unit", "--keep-going", "--filter", "sotw"], false);
  assert.deepEqual(flags, { names: ["unit"], keepGoing: true, testArgs: ["--filter", "sotw"] });
  assert.deepEqual(parseTestFlags([], true), { names: [], keepGoing: true, testArgs: [] });
});

Deno.test("failureLines() begins where the errors begin, else shows the end", () => {
  const result = { stage: stage("unit"), counts: { passed: 0, failed: 1, skipped: 0 }, tookMs: 1 };
  const lines = ["a ... FAILED", " ERRORS ", "a => ./a.ts:1"];
  assert.deepEqual(failureLines({ ...result, lines }), [" ERRORS ", "a => ./a.ts:1"]);
  const many = Array.from({ length: 300 }, (_, index) => `${index}`);
  assert.equal(failureLines({ ...result, lines: many }).length, 200);
  assert.match(resultLine({ ...result, lines }), /FAILED +unit +0 passed, 1 failed +0\.0 s$/);
});

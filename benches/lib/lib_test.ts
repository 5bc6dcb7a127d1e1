// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { isWanted, parseBenchOptions } from "./command_line.ts";
import { isAtLeast, wantedVersion } from "./go.ts";
import { JsonProcess } from "./json_process.ts";
import { findAddresses } from "./server.ts";

Deno.test("parseBenchOptions() has defaults and refuses what makes no sense", () => {
  const defaults = {
    quick: false,
    save: false,
    pairs: undefined,
    only: undefined,
    side: undefined,
  };
  assert.deepEqual(parseBenchOptions([]), defaults);
  const args = ["--quick", "--pairs", "4", "--only", "delta", "--side", "denvoy"];
  const given = { quick: true, pairs: 4, only: "delta", side: "denvoy" };
  assert.deepEqual(parseBenchOptions(args), { ...defaults, ...given });
  assert.throws(() => parseBenchOptions(["--pairs", "0"]), /whole number >= 1: it is 0/);
  assert.throws(() => parseBenchOptions(["--fast"]), /--fast/);
});

Deno.test("isWanted() takes everything unless something was asked for", () => {
  assert.equal(isWanted("delta100", undefined), true);
  assert.equal(isWanted("delta100", "delta"), true);
  assert.equal(isWanted("delta100", "folder"), false);
  assert.equal(isWanted("delta100", "delta100"), true);
  assert.equal(isWanted("delta1000", "delta100"), false);
});

Deno.test("isAtLeast() compares versions by number, not as text", () => {
  const cases: readonly [string, string, boolean][] = [
    ["1.26", "1.26.0", true],
    ["1.26.6", "1.26.0", true],
    ["1.9.9", "1.26.0", false],
    ["2.0", "1.26.9", true],
    ["1.25.9", "1.26", false],
  ];
  for (const [version, wanted, expected] of cases) {
    assert.equal(isAtLeast(version, wanted), expected, `${version} for ${wanted}`);
  }
});

Deno.test("wantedVersion() reads the go line of a go.mod", () => {
  assert.equal(wantedVersion("module m\n\ngo 1.26.0\n"), "1.26.0");
  assert.throws(() => wantedVersion("module m\n"), /must have a go line/);
});

Deno.test("findAddresses() finds the line of JSON among others", () => {
  const line = '{"level":"info","grpc":"127.0.0.1:1","http":"127.0.0.1:2"}';
  const addresses = { grpcAddress: "127.0.0.1:1", httpAddress: "127.0.0.1:2" };
  assert.deepEqual(findAddresses(["starting", '{"level":"info"}', line]), addresses);
  assert.equal(findAddresses(["starting"]), undefined);
});

Deno.test("JsonProcess.ask() gives the answer, and the program's words when it ends instead", async () => {
  const script = 'read line; echo "{\\"got\\":$line}"; read line; echo "no more" >&2; exit 3';
  await using process = JsonProcess.start("echo", { command: "sh", args: ["-c", script] });
  assert.deepEqual(await process.ask({ a: 1 }), { got: { a: 1 } });
  await assert.rejects(process.ask({}), /^Error: echo ended: no more$/);
});

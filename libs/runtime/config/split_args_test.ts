// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import { bool, path } from "./field.ts";
import { defineConfig } from "./schema.ts";
import { splitArgs } from "./split_args.ts";

const ads = defineConfig({
  service: "ads",
  summary: "A.",
  ports: { grpc: 18000, http: 18001 },
  fields: { resources: path({ doc: "R." }), strict: bool({ doc: "S." }) },
});
const sds = defineConfig({
  service: "sds",
  summary: "S.",
  ports: { grpc: 18010, http: 18011 },
  fields: { authority: path({ doc: "A." }) },
});

Deno.test("splitArgs() gives each service its own flags and those that all have", () => {
  const result = splitArgs([ads, sds], [
    "--resources",
    "a",
    "--no-strict",
    "--sds.grpc-address=[::1]:1",
    "--ads.http-address",
    "127.0.0.1:1",
    "--log-level=debug",
    "--insecure",
    "--config",
    "x.yaml",
  ]);
  assert.ok(result.ok);
  const common = ["--log-level=debug", "--insecure", "--config", "x.yaml"];
  assert.deepEqual(Object.fromEntries(result.value), {
    ads: ["--resources", "a", "--no-strict", "--http-address", "127.0.0.1:1", ...common],
    sds: ["--grpc-address=[::1]:1", ...common],
  });
});

Deno.test("splitArgs() takes bare addresses when there is one service", () => {
  const result = splitArgs([ads], ["--grpc-address", "127.0.0.1:0"]);
  assert.deepEqual(result.ok && result.value.get("ads"), ["--grpc-address", "127.0.0.1:0"]);
});

Deno.test("splitArgs() refuses what it cannot assign", async (t) => {
  const table: readonly [readonly string[], RegExp][] = [
    [
      ["--grpc-address", "x:1"],
      /^--grpc-address: .*write --ads.grpc-address or --sds.grpc-address$/,
    ],
    [["--resorces=a"], /^--resorces: .*unknown \(did you mean "--resources"\?\)$/],
    [["--resorces", "a"], /^--resorces: [^\n]*unknown \(did you mean "--resources"\?\)$/],
    [["--ads.resorces", "a"], /^--ads\.resorces: [^\n]*\(did you mean "--ads\.resources"\?\)$/],
    [["--rls.log-level=debug"], /must be one of ads, sds$/],
    [["file"], /^file: .*only flags/],
  ];
  for (const [args, pattern] of table) {
    await t.step(args.join(" "), () => {
      const result = splitArgs([ads, sds], args);
      assert.ok(!result.ok);
      assert.match(result.error.map(formatProblem).join("\n"), pattern);
    });
  }
});

// SPDX-License-Identifier: Apache-2.0
import { equal, throws } from "node:assert/strict";
import { StatusError } from "@denvoy/base";
import type {
  EnvoyTypeMatcherV3StringMatcher as StringMatcher,
  NodeMatcher,
  ValueMatcher,
} from "@denvoy/proto/messages";
import { matchesAnyNode } from "./node_matcher.ts";

const node = {
  id: "web-1",
  cluster: "web",
  locality: { region: "", zone: "", subZone: "" },
  metadata: { stage: "canary", weight: 5, flags: ["a", "b"], nested: { on: true }, nothing: null },
};

function byId(match: Omit<StringMatcher, "ignoreCase">, ignoreCase = false): NodeMatcher {
  return { nodeId: { ignoreCase, ...match }, nodeMetadatas: [] };
}

function byMetadata(path: string, value: ValueMatcher): NodeMatcher {
  return { nodeMetadatas: [{ path: path.split(".").map((key) => ({ key })), value }] };
}

function text(exact: string): ValueMatcher {
  return { stringMatch: { exact, ignoreCase: false } };
}

Deno.test("matchesAnyNode() follows envoy.type.matcher.v3.NodeMatcher", async (t) => {
  const cases: [name: string, matchers: NodeMatcher[], expected: boolean][] = [
    ["no matchers match every node", [], true],
    ["exact id", [byId({ exact: "web-1" })], true],
    ["another id", [byId({ exact: "web-2" })], false],
    ["any of several", [byId({ exact: "web-2" }), byId({ prefix: "web" })], true],
    ["suffix", [byId({ suffix: "-1" })], true],
    ["contains", [byId({ contains: "b-" })], true],
    ["case counts", [byId({ exact: "WEB-1" })], false],
    ["case does not count when asked", [byId({ exact: "WEB-1" }, true)], true],
    ["metadata string", [byMetadata("stage", text("canary"))], true],
    ["metadata at depth", [byMetadata("nested.on", { boolMatch: true })], true],
    ["a path that leads nowhere", [byMetadata("nested.off.x", { boolMatch: true })], false],
    [
      "number in range",
      [byMetadata("weight", { doubleMatch: { range: { start: 5, end: 6 } } })],
      true,
    ],
    ["end of a range is outside", [
      byMetadata("weight", { doubleMatch: { range: { start: 4, end: 5 } } }),
    ], false],
    ["one of a list", [byMetadata("flags", { listMatch: { oneOf: text("b") } })], true],
    ["null", [byMetadata("nothing", { nullMatch: {} })], true],
    ["present", [byMetadata("weight", { presentMatch: true })], true],
    ["absent", [byMetadata("other", { presentMatch: false })], true],
    [
      "or",
      [byMetadata("stage", { orMatch: { valueMatchers: [text("x"), text("canary")] } })],
      true,
    ],
  ];
  for (const [name, matchers, expected] of cases) {
    await t.step(name, () => equal(matchesAnyNode(matchers, node), expected));
  }
});

Deno.test("matchesAnyNode() refuses regular expressions from outside", () => {
  throws(() => matchesAnyNode([byId({ safeRegex: { regex: "(a+)+$" } })], node), StatusError);
});

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  compareSelectors,
  everyNode,
  matchesNode,
  type NodeIdentity,
  type NodeSelector,
  selectorsTie,
} from "./node_selector.ts";
import { parseNodeSelector, parseSelectorText, selectorToJson } from "./selector_parser.ts";

const edge: NodeIdentity = {
  id: "edge-1",
  cluster: "front",
  locality: { region: "eu", zone: "eu-1", subZone: "" },
  metadata: {
    stage: "prod",
    tier: 2,
    roles: ["gateway", "mtls"],
    "envoy.lb": { canary: true },
    deep: { er: { value: "x" } },
    nothing: null,
  },
};

function selector(text: unknown): NodeSelector {
  const parsed = typeof text === "string" ? parseSelectorText(text) : parseNodeSelector(text);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
}

Deno.test("matchesNode() follows the selector", async (t) => {
  const cases: readonly (readonly [unknown, boolean])[] = [
    ["id=edge-1", true],
    ["id=edge-2", false],
    ["id=edge-*", true],
    ["id=*-1", true],
    ["id=*dge*", true],
    ["id=*", true],
    ["id=edge-2|edge-1", true],
    ["id=edge-1,cluster=back", false],
    ["cluster=fr*", true],
    ["region=eu", true],
    ["region=eu,zone=eu-2", false],
    ["metadata.stage=prod", true],
    ["metadata.stage=test|prod", true],
    ["metadata.stage=test", false],
    ["metadata.tier=2", true],
    ["metadata.roles=mtls", true],
    ["metadata.envoy.lb.canary=true", true],
    ["metadata.deep.er.value=x", true],
    ["metadata.deep.er", true],
    ["metadata.missing", false],
    ["metadata.nothing", false],
    ["metadata.constructor", false],
    [{ metadata: { missing: { exists: false } } }, true],
    [{ metadata: { tier: "2" } }, false],
    [[{ id: "other" }, { cluster: "front" }], true],
    [[{ id: "other" }, { cluster: "back" }], false],
    [{ locality: { sub_zone: "" } }, true],
  ];
  for (const [text, expected] of cases) {
    await t.step(JSON.stringify(text), () => {
      assert.equal(matchesNode(selector(text), edge), expected);
    });
  }
  await t.step("every node", () => assert.ok(matchesNode(everyNode, edge)));
});

Deno.test("compareSelectors() puts the one that counts first", async (t) => {
  const cases: readonly (readonly [unknown, unknown])[] = [
    ["id=edge-1", "id=edge-*"],
    ["id=edge-*", "id=e*"],
    ["id=e*", "cluster=front"],
    ["id=edge-*,cluster=front", "id=edge-*"],
    ["cluster=front", "metadata.stage=prod"],
    ["metadata.stage=prod", "region=eu"],
    ["region=eu,zone=eu-1", "region=eu"],
    ["region=eu,priority=1", "id=edge-1"],
    [[{ id: "edge-*" }], [{ id: "edge-1" }, { cluster: "front" }]],
  ];
  for (const [winner, loser] of cases) {
    await t.step(`${JSON.stringify(winner)} over ${JSON.stringify(loser)}`, () => {
      assert.ok(compareSelectors(selector(winner), selector(loser)) < 0);
      assert.ok(compareSelectors(selector(loser), selector(winner)) > 0);
    });
  }
  await t.step("any over every node, even with a negative priority", () => {
    assert.ok(compareSelectors(selector("region=eu,priority=-5"), everyNode) < 0);
  });
});

Deno.test("selectorsTie() finds pairs of equal rank that one node could match", async (t) => {
  const cases: readonly (readonly [unknown, unknown, boolean])[] = [
    ["id=a", "id=b", false],
    ["id=a*", "id=b*", false],
    ["id=*a", "id=*b", false],
    ["id=a*", "id=*b", true],
    ["cluster=x,region=a", "cluster=x,zone=b", true],
    ["cluster=x,region=a", "cluster=x,region=b", false],
    ["metadata.a=1", "metadata.a=2", false],
    ["metadata.a=1", "metadata.b=1", true],
    ["metadata.a=1", "metadata.b=1,priority=1", false],
    [{ metadata: { a: { exists: true } } }, { metadata: { a: { exists: false } } }, false],
    ["id=a", "cluster=b", false],
    ["id=a", "id=a", false],
  ];
  for (const [a, b, expected] of cases) {
    await t.step(`${JSON.stringify(a)} and ${JSON.stringify(b)}`, () => {
      assert.equal(selectorsTie(selector(a), selector(b)), expected);
      assert.equal(selectorsTie(selector(b), selector(a)), expected);
    });
  }
});

Deno.test("nodeSelector() has one key for every spelling of a selector", () => {
  assert.equal(selector({ id: ["b", "a"] }).key, selector("id=a|b").key);
  assert.equal(
    selector([{ cluster: "x" }, { id: "y" }]).key,
    selector([{ id: ["y"] }, { cluster: ["x"] }]).key,
  );
  assert.notEqual(selector({ id: "a|b" }).key, selector({ id: ["a", "b"] }).key);
  assert.notEqual(selector({ metadata: { a: "1" } }).key, selector({ metadata: { a: 1 } }).key);
});

Deno.test("selectorToJson() is read back to an equal selector", () => {
  const original = selector([
    { id: "a*", metadata: { "x.y": [1, "two"], z: { exists: false } }, priority: 3 },
    { cluster: ["c"], locality: { region: "r", sub_zone: "s" } },
  ]);
  const copy = selector(JSON.parse(JSON.stringify(selectorToJson(original))));
  assert.deepEqual(copy, original);
});

Deno.test("parseNodeSelector() says what is wrong and where", async (t) => {
  const cases: readonly (readonly [unknown, string, RegExp])[] = [
    [7, "nodes", /must be an object/],
    [[], "nodes", /must not be empty/],
    [{}, "nodes", /needs at least one of/],
    [{ priority: 3 }, "nodes", /needs at least one of/],
    [{ idd: "x" }, "nodes.idd", /unknown field/],
    [[{ id: "a" }, { id: "" }], "nodes[1].id", /non-empty string/],
    [{ id: ["a", 5] }, "nodes.id[1]", /non-empty string/],
    [{ id: "a*b" }, "nodes.id", /only be first or last/],
    [{ locality: { area: "x" } }, "nodes.locality.area", /unknown field/],
    [{ locality: { zone: 1 } }, "nodes.locality.zone", /must be a string/],
    [{ metadata: { a: {} } }, "nodes.metadata.a", /must be a string, number/],
    [{ id: "a", priority: 1.5 }, "nodes.priority", /must be an integer/],
  ];
  for (const [input, path, message] of cases) {
    await t.step(JSON.stringify(input), () => {
      const parsed = parseNodeSelector(input);
      assert.ok(!parsed.ok);
      assert.equal(parsed.error[0]?.path, path);
      assert.match(parsed.error[0]?.message ?? "", message);
    });
  }
  for (const text of ["", "colour=red", "priority=1"]) {
    await t.step(`text "${text}"`, () => assert.ok(!parseSelectorText(text).ok));
  }
});

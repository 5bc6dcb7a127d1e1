// SPDX-License-Identifier: Apache-2.0
import { deepEqual, equal } from "node:assert/strict";
import { NodeIdentityTemplate } from "./node_identity.ts";

function template(text: string): NodeIdentityTemplate {
  const parsed = NodeIdentityTemplate.parse(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

Deno.test("NodeIdentityTemplate.parse() refuses what cannot bind a node", async (t) => {
  const cases: [text: string, error: string][] = [
    ["spiffe://shop/{cluster}", 'must hold the placeholder {id}: "spiffe://shop/{cluster}"'],
    ["spiffe://shop/{name}/{id}", 'placeholders must be {id} or {cluster}: "{name}"'],
    ["{id}", 'must be a URI: "{id}"'],
  ];
  for (const [text, error] of cases) {
    await t.step(text, () => deepEqual(NodeIdentityTemplate.parse(text), { ok: false, error }));
  }
});

Deno.test("NodeIdentityTemplate.refusal() believes only the certificate's own node", async (t) => {
  const identity = template("spiffe://shop/{cluster}/{id}");
  const node = { id: "web-1", cluster: "web" };
  const cases: [name: string, node: typeof node, sans: string[], refused: boolean][] = [
    ["its own SAN", node, ["spiffe://shop/web/web-1"], false],
    ["one of several SANs", node, ["https://x/", "spiffe://shop/web/web-1"], false],
    ["another node's SAN", node, ["spiffe://shop/web/web-2"], true],
    ["no certificate", node, [], true],
    ["no id", { id: "", cluster: "web" }, ["spiffe://shop/web/"], true],
    [
      "an id that spells a path",
      { id: "web/web-1", cluster: "" },
      ["spiffe://shop//web/web-1"],
      true,
    ],
  ];
  for (const [name, claimed, sans, refused] of cases) {
    await t.step(name, () => equal(identity.refusal(claimed, sans) !== undefined, refused));
  }
});

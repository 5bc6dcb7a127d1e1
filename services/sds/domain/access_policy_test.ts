// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { AccessPolicy } from "./access_policy.ts";
import { readPolicyFile } from "./policy_file.ts";

function policyOf(text: string): AccessPolicy {
  const rules = readPolicyFile(text, { file: "policy.yaml" });
  assert.ok(rules.ok, JSON.stringify(rules));
  return new AccessPolicy(rules.value, "shop");
}

const WEB = "spiffe://shop/web";

Deno.test("only a pattern that says spiffe:// gives the identity of another", () => {
  const cases: readonly (readonly [pattern: string, name: string, allowed: boolean])[] = [
    ["*", "shared", true],
    ["*", WEB, true],
    ["*", "default", true],
    ["*", "spiffe://shop/victim", false],
    ["*/victim", "spiffe://shop/victim", false],
    ["spiffe:*", "spiffe://shop/victim", false],
    ["{service}*", "spiffe://shop/victim", false],
    ["spiffe://shop/*", "spiffe://shop/victim", true],
    ["spiffe://shop/victim", "spiffe://shop/victim", true],
    ["spiffe://shop/{service}/jobs", "spiffe://shop/web/jobs", true],
    ["spiffe://shop/{service}/jobs", "spiffe://shop/api/jobs", false],
  ];
  for (const [pattern, name, allowed] of cases) {
    const policy = policyOf(
      `grants: [{ identity: "spiffe://shop/{service}", secrets: ["${pattern}"] }]`,
    );
    assert.equal(policy.allows({ identity: WEB }, name), allowed, `${pattern} for ${name}`);
  }
});

Deno.test("who asks for others has what grants give it and nothing by default", () => {
  const policy = policyOf(`
grants: [{ identity: spiffe://shop/ads, secrets: [ads-key, ROOTCA] }]
on_behalf_of: [spiffe://shop/ads]
`);
  const ads = { identity: "spiffe://shop/ads" };
  const given = ["ads-key", "ROOTCA", "default", "ALL", ads.identity, "spiffe://shop"];
  assert.deepEqual(given.filter((name) => policy.allows(ads, name)), ["ads-key", "ROOTCA"]);
  assert.ok(policy.allows({ identity: WEB }, "default"));
});

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import { AccessPolicy } from "./access_policy.ts";
import { readPolicyFile } from "./policy_file.ts";

const POLICY = `
grants:
- identity: spiffe://shop/{service}
  secrets: ["{service}-tls", shared]
- identity: "*"
  secrets: [public]
certificates:
- identity: spiffe://shop/{service}
  dns_names: ["{service}.shop.internal", shop.internal]
  key_type: ec-p384
  lifetime: 2h
on_behalf_of: spiffe://shop/ads
`;

function policy(text: string): AccessPolicy {
  const read = readPolicyFile(text, { file: "policy.yaml" });
  assert.ok(read.ok, JSON.stringify(read));
  return new AccessPolicy(read.value, "shop");
}

Deno.test("AccessPolicy.allows() what a grant says, and everybody their own", () => {
  const web = { identity: "spiffe://shop/web" };
  const table: readonly (readonly [{ readonly identity: string }, string, boolean])[] = [
    [web, "web-tls", true],
    [web, "shared", true],
    [web, "api-tls", false],
    [web, "public", true],
    [web, "default", true],
    [web, "spiffe://shop/web", true],
    [web, "spiffe://shop/api", false],
    [web, "ROOTCA", true],
    [web, "ALL", true],
    [web, "spiffe://shop", true],
    [web, "spiffe://elsewhere", false],
    [web, "*", false],
    [web, "", false],
    [{ identity: "spiffe://elsewhere/web" }, "web-tls", false],
    [{ identity: "spiffe://elsewhere/web" }, "default", false],
    [{ identity: "spiffe://elsewhere/web" }, "public", true],
    [{ identity: "web.example" }, "default", false],
  ];
  const judged = policy(POLICY);
  for (const [caller, name, expected] of table) {
    assert.equal(judged.allows(caller, name), expected, `${caller.identity} ${name}`);
  }
  assert.equal(policy("own_certificate: false").allows(web, "default"), false);
  assert.equal(policy("").allows(web, "web-tls"), false);
});

Deno.test("AccessPolicy knows who may vouch, and what certificates hold", () => {
  const judged = policy(POLICY);
  assert.equal(judged.mayVouch("spiffe://shop/ads"), true);
  assert.equal(judged.mayVouch("spiffe://shop/web"), false);
  assert.deepEqual(judged.profile("spiffe://shop/web"), {
    dnsNames: ["web.shop.internal", "shop.internal"],
    keyType: "ec-p384",
    lifetimeMs: 7_200_000,
  });
  assert.deepEqual(judged.profile("spiffe://elsewhere/web"), { dnsNames: [] });
});

Deno.test("readPolicyFile() finds everything that is wrong, each with its line", () => {
  const read = readPolicyFile(
    [
      "grants:",
      "- identity: spiffe://shop/{service}",
      "  secrets: ['{other}-tls', '{']",
      "- secrets: [a]",
      "- identity: x",
      "certificates:",
      "- { identity: x, key_type: dsa, lifetime: soon, dns_name: y }",
      "grant: []",
      "own_certificate: maybe",
    ].join("\n"),
    { file: "policy.yaml" },
  );
  assert.ok(!read.ok);
  const lines = read.error.map(formatProblem);
  for (
    const expected of [
      /^policy\.yaml:3:\d+: grants\[0\]\.secrets\[0\]: .*\{other\}/,
      /^policy\.yaml:3:\d+: grants\[0\]\.secrets\[1\]: placeholders/,
      /^policy\.yaml:4:\d+: grants\[1\]: needs `identity`/,
      /^policy\.yaml:5:\d+: grants\[2\]: needs `secrets`/,
      /key_type: must be one of ec-p256/,
      /lifetime: must be a duration/,
      /unknown key "dns_name".*did you mean "dns_names"/,
      /unknown key "grant".*did you mean "grants"/,
      /own_certificate: must be true or false/,
    ]
  ) assert.ok(lines.some((line) => expected.test(line)), `${expected} in\n${lines.join("\n")}`);
  assert.equal(lines.length, 9, lines.join("\n"));
});

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  askedOnBehalfOf,
  ON_BEHALF_OF,
  ON_BEHALF_OF_CERTIFICATE,
  onBehalfOf,
} from "./on_behalf_of.ts";

const certificate = { serial: "a1", issuer: "CN=ca" };

Deno.test("onBehalfOf() and askedOnBehalfOf() agree, and nobody poses as a second identity", () => {
  const a = "spiffe://shop/a";
  const cases: readonly (readonly [string, readonly string[] | RegExp])[] = [
    [a, [a]],
    ["urn:uuid:1", ["urn:uuid:1"]],
    [`spiffe://shop/${"a".repeat(2034)}`, [`spiffe://shop/${"a".repeat(2034)}`]],
    [`spiffe://shop/${"a".repeat(2035)}`, /at most 2048 bytes: has 2049/],
    ["", /visible ASCII/],
    [`${a},b`, /without a comma: is "spiffe:\/\/shop\/a,b"/],
    [`${a},spiffe://shop/b`, /without a comma/],
    [`${a} b`, /visible ASCII/],
    [`${a}\n`, /visible ASCII/],
    ["spiffe://shop/ä", /visible ASCII/],
  ];
  for (const [identity, wanted] of cases) {
    const headers = onBehalfOf({ identity, certificate });
    if (wanted instanceof RegExp) {
      assert.ok(!headers.ok, identity);
      assert.match(headers.error, wanted);
    } else {
      assert.ok(headers.ok, identity);
      assert.deepEqual(askedOnBehalfOf(headers.value), { identities: wanted, certificate });
    }
  }
});

Deno.test("onBehalfOf() and askedOnBehalfOf() agree which certificate it was, whoever issued it", () => {
  const identity = "spiffe://shop/a";
  for (const issuer of ["CN=ca", "", "CN=a\\, b,O=Äpfel & Söhne;x", "CN=\ud800"]) {
    const headers = onBehalfOf({ identity, certificate: { serial: "1f", issuer } });
    assert.ok(headers.ok, issuer);
    assert.match(String(headers.value.get(ON_BEHALF_OF_CERTIFICATE)), /^1f;[!-+\--~]*$/);
    const asked = askedOnBehalfOf(headers.value);
    assert.deepEqual(asked?.certificate, { serial: "1f", issuer: issuer.toWellFormed() });
  }
  const long = onBehalfOf({ identity, certificate: { serial: "1", issuer: "x".repeat(4097) } });
  assert.ok(!long.ok);
  assert.match(long.error, /issuer must be at most 4096 bytes: has 4097/);
});

Deno.test("askedOnBehalfOf() tells a header that cannot be believed from none", () => {
  assert.equal(askedOnBehalfOf(new Map()), undefined);
  const cases: readonly (readonly [readonly (string | Uint8Array)[], readonly string[]])[] = [
    [["a, b", "c"], ["a", "b", "c"]],
    [[""], []],
    [[new Uint8Array(1)], []],
    [["a,".repeat(17)], []],
  ];
  for (const [values, identities] of cases) {
    assert.deepEqual(askedOnBehalfOf(new Map([[ON_BEHALF_OF, values]])), { identities });
  }
});

Deno.test("askedOnBehalfOf() takes one certificate that is one, and no name for it", () => {
  const cases: readonly (readonly (string | Uint8Array)[])[] = [
    ...[[], [""], ["a1"], ["A1;CN"], ["0a1;CN"], ["xyz;CN"], [";CN"], ["a1;%zz"]],
    ...[["a1;CN,a2;CN"], ["a1;CN", "a1;CN"], ["a1;C N"], [new Uint8Array([97])]],
    [`${"a".repeat(129)};CN`],
  ];
  for (const values of cases) {
    const asked = askedOnBehalfOf(new Map([[ON_BEHALF_OF_CERTIFICATE, values]]));
    assert.deepEqual(asked, { identities: [] }, String(values));
  }
});

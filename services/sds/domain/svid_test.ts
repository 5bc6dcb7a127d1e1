// SPDX-License-Identifier: Apache-2.0
/** The rules of X.509-SVID, one a row. @module */
import assert from "node:assert/strict";
import type { CertificateFacts } from "./certificate_facts.ts";
import { svidProblem } from "./svid.ts";

const good: CertificateFacts = {
  subject: "",
  issuer: "CN=ca",
  serial: "1",
  notBeforeMs: 0,
  notAfterMs: 1,
  uriSans: ["spiffe://shop/cart"],
  dnsSans: ["cart.shop"],
  ipSans: [],
  fingerprint: "",
  key: { family: "ec", bits: 256, curve: "P-256" },
  digest: "sha256",
  isCa: false,
  keyUsages: ["digitalSignature", "keyEncipherment"],
  extendedKeyUsages: ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
  ocspUrls: [],
};
const { keyUsages: _usages, extendedKeyUsages: _extended, ...bare } = good;

const rows: readonly (readonly [string, CertificateFacts, RegExp | undefined])[] = [
  ["a good one", good, undefined],
  ["one without extended key usages", { ...bare, keyUsages: ["digitalSignature"] }, undefined],
  ["a certificate without SPIFFE ID", { ...bare, uriSans: ["https://a", "https://b"] }, undefined],
  ["two URI SANs", { ...good, uriSans: [...good.uriSans, "https://a"] }, /one URI SAN: has 2/],
  ["a bad ID", { ...good, uriSans: ["spiffe://shop/a//b"] }, /good SPIFFE ID/],
  ["a scheme in capitals", { ...good, uriSans: ["SPIFFE://shop/a"] }, /good SPIFFE ID/],
  ["an ID without path", { ...good, uriSans: ["spiffe://shop"] }, /must have a path/],
  ["a CA", { ...good, isCa: true }, /must not be a CA/],
  ["no key usage", bare, /digitalSignature: has not/],
  ["keyCertSign", { ...good, keyUsages: ["digitalSignature", "keyCertSign"] }, /keyCertSign/],
  ["cRLSign", { ...good, keyUsages: ["digitalSignature", "cRLSign"] }, /cRLSign/],
  ["serverAuth alone", { ...good, extendedKeyUsages: ["1.3.6.1.5.5.7.3.1"] }, /both serverAuth/],
];

for (const [name, facts, expected] of rows) {
  Deno.test(`svidProblem() ${expected === undefined ? "takes" : "refuses"} ${name}`, () => {
    const problem = svidProblem(facts);
    if (expected === undefined) assert.equal(problem, undefined);
    else assert.match(problem ?? "", expected);
  });
}

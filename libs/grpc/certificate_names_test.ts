// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { type CertificateNames, readCertificateNames } from "@denvoy/base";
import { derOf } from "./testing/certificates.ts";

const cases: Record<string, CertificateNames> = {
  "client.pem": {
    uriSans: ["spiffe://denvoy.test/node/envoy-1"],
    dnsSans: ["envoy-1.denvoy.test", "envoy.denvoy.test"],
    subject: "CN=envoy-1,O=Denvoy",
  },
  "server.pem": { uriSans: [], dnsSans: ["localhost", "denvoy.test"], subject: "CN=server-1" },
  "ca.pem": { uriSans: [], dnsSans: [], subject: "CN=Denvoy test authority" },
  "two_faced.pem": {
    uriSans: ["spiffe://denvoy.test/a, URI:spiffe://denvoy.test/admin"],
    dnsSans: [],
    subject: "CN=a\\,b\\+c",
  },
};

Deno.test("readCertificateNames() returns the names as the certificate has them", async (t) => {
  for (const [file, expected] of Object.entries(cases)) {
    await t.step(file, () => assert.deepEqual(readCertificateNames(derOf(file)), expected));
  }
});

Deno.test("readCertificateNames() throws RangeError on bytes cut anywhere", () => {
  const der = derOf("client.pem");
  for (let end = 0; end < der.length; end++) {
    assert.throws(() => readCertificateNames(der.subarray(0, end)), RangeError);
  }
});

Deno.test("readCertificateNames() throws nothing but RangeError on any changed byte", () => {
  const der = derOf("client.pem");
  for (let at = 0; at < der.length; at++) {
    for (const value of [0x00, 0x7f, 0x80, 0x84, 0xff]) {
      const changed = der.slice();
      changed[at] = value;
      try {
        readCertificateNames(changed);
      } catch (error) {
        assert.ok(error instanceof RangeError, String(error));
      }
    }
  }
});

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { canonicalIp, socketAddress } from "./ip_address.ts";

Deno.test("canonicalIp() returns the spelling in which Envoy reports, and refuses names", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["127.0.0.1", "127.0.0.1"],
    ["255.255.255.255", "255.255.255.255"],
    ["256.0.0.1", undefined],
    ["1.2.3", undefined],
    ["01.2.3.4", undefined],
    ["localhost", undefined],
    ["web.internal", undefined],
    ["", undefined],
    ["::", "::"],
    ["::1", "::1"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8::0001", "2001:db8::1"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["1:2:3:4:5:6:7", undefined],
    ["1::2::3", undefined],
    ["1:2:3:4:5:6:7:8::", undefined],
    ["fe80::1%eth0", undefined],
    ["::ffff:10.0.0.1", "::ffff:a00:1"],
  ];
  for (const [text, wanted] of cases) assert.equal(canonicalIp(text), wanted, text);
});

Deno.test("socketAddress() puts brackets around IPv6", () => {
  assert.equal(socketAddress("10.0.0.1", 80), "10.0.0.1:80");
  assert.equal(socketAddress("::1", 80), "[::1]:80");
});

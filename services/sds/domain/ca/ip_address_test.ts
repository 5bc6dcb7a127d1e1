// SPDX-License-Identifier: Apache-2.0
/** Which texts are IP addresses, and their bytes. @module */
import assert from "node:assert/strict";
import { ipAddressBytes } from "./ip_address.ts";

const good: readonly (readonly [string, string])[] = [
  ["10.1.2.3", "0a010203"],
  ["255.255.255.255", "ffffffff"],
  ["::", "00000000000000000000000000000000"],
  ["::1", "00000000000000000000000000000001"],
  ["fe80::1:2", "fe800000000000000000000000010002"],
  ["2001:DB8:0:0:1:2:3:4", "20010db8000000000001000200030004"],
  ["::ffff:10.1.2.3", "00000000000000000000ffff0a010203"],
  ["1:2:3:4:5:6:7::", "00010002000300040005000600070000"],
];

const bad = [
  ..."10.1.2|10.1.2.3.4|10.1.2.256|010.1.2.3|10.1.2.x|1::2::3|1:2:3:4:5:6:7|12345::".split("|"),
  ..."1:2:3:4:5:6:7:8:9|::1:2:3:4:5:6:7:8|fe80::1%eth0|g::|".split("|"),
];

for (const [text, expected] of good) {
  Deno.test(`ipAddressBytes() reads ${text}`, () => {
    assert.equal(ipAddressBytes(text).toHex(), expected);
  });
}

for (const text of bad) {
  Deno.test(`ipAddressBytes() refuses "${text}"`, () => {
    assert.throws(() => ipAddressBytes(text), RangeError);
  });
}

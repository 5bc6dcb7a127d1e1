// SPDX-License-Identifier: Apache-2.0
/** What each DER writer writes, byte by byte. @module */
import assert from "node:assert/strict";
import {
  derBits,
  derBoolean,
  derNumber,
  derObjectId,
  derOctets,
  derSequence,
  derText,
  derTime,
  derUnsigned,
} from "./der.ts";

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

const cases: readonly (readonly [string, Uint8Array, string])[] = [
  ["integer 0", derNumber(0), "020100"],
  ["integer 127", derNumber(127), "02017f"],
  ["integer 128 has a zero before its sign bit", derNumber(128), "02020080"],
  ["integer beyond 32 bits", derNumber(2 ** 40), "0206010000000000"],
  ["unsigned without leading zeros", derUnsigned(bytes(0, 0, 1)), "020101"],
  ["unsigned zero", derUnsigned(bytes(0)), "020100"],
  ["unsigned with its sign bit set", derUnsigned(bytes(0xff)), "020200ff"],
  ["true", derBoolean(true), "0101ff"],
  ["false", derBoolean(false), "010100"],
  ["octets", derOctets(bytes(1, 2)), "04020102"],
  ["bits with unused ones", derBits(bytes(0x80), 7), "03020780"],
  ["text", derText("ä"), "0c02c3a4"],
  ["empty sequence", derSequence(), "3000"],
  ["object identifier", derObjectId("2.5.29.17"), "0603551d11"],
  [
    "object identifier with large arcs",
    derObjectId("1.2.840.113549.1.1.11"),
    "06092a864886f70d01010b",
  ],
  [
    "time through 2049",
    derTime(Date.UTC(2049, 11, 31, 23, 59, 59, 999)),
    "170d" + hex("491231235959Z"),
  ],
  ["time from 2050 on", derTime(Date.UTC(2050, 0, 1)), "180f" + hex("20500101000000Z")],
];

function hex(text: string): string {
  return new TextEncoder().encode(text).toHex();
}

for (const [name, written, expected] of cases) {
  Deno.test(`DER writes ${name}`, () => assert.equal(written.toHex(), expected));
}

Deno.test("DER writes lengths of one, two and three bytes", () => {
  const heads = [127, 128, 255, 256, 65_536].map((size) =>
    derOctets(new Uint8Array(size)).subarray(0, 5).toHex().slice(2)
  );
  assert.deepEqual(heads, ["7f000000", "81800000", "81ff0000", "82010000", "83010000"]);
});

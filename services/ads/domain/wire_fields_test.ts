// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  bytesField,
  lengthDelimited,
  lengthHeader,
  varintField,
  varintOf,
  wireFields,
} from "./wire_fields.ts";

Deno.test("wireFields() reads every wire type and gives back the bytes", () => {
  const message = Uint8Array.from([
    ...varintOf(1, 300),
    ...lengthDelimited(2, Uint8Array.from([7, 8])),
    0x1d, // Field 3, 32 bits.
    ...[1, 2, 3, 4],
    0x21, // Field 4, 64 bits.
    ...[1, 2, 3, 4, 5, 6, 7, 8],
  ]);
  const fields = [...wireFields(message)];
  assert.deepEqual(fields.map(({ number }) => number), [1, 2, 3, 4]);
  assert.equal(varintField(message, 1), 300);
  assert.deepEqual(bytesField(message, 2), Uint8Array.from([7, 8]));
  assert.deepEqual(fields.flatMap(({ raw }) => [...raw]), [...message]);
});

Deno.test("wireFields() takes the last of several, and nothing for what is absent", () => {
  const message = Uint8Array.from([...varintOf(1, 1), ...varintOf(1, 2)]);
  assert.equal(varintField(message, 1), 2);
  assert.equal(varintField(message, 5), 0);
  assert.equal(bytesField(message, 5), undefined);
});

Deno.test("lengthHeader() writes lengths of any size", () => {
  for (const length of [0, 127, 128, 16_383, 16_384, 5_000_000]) {
    const content = new Uint8Array(length);
    assert.deepEqual(bytesField(lengthDelimited(2, content), 2)?.byteLength, length);
    const joined = Uint8Array.from([...lengthHeader(2, 3), 1, 2, 3]);
    assert.deepEqual(bytesField(joined, 2), Uint8Array.from([1, 2, 3]));
  }
});

Deno.test("wireFields() refuses what is no message", async (t) => {
  const cases: readonly (readonly [string, readonly number[]])[] = [
    ["a tag without value", [0x08]],
    ["a varint without end", [0x08, 0x80]],
    ["a varint that is too long", [0x08, ...Array.from({ length: 11 }, () => 0x80), 0]],
    ["a length beyond the end", [0x12, 5, 1]],
    ["a fixed value beyond the end", [0x1d, 1, 2]],
    ["a group", [0x0b]],
  ];
  for (const [name, bytes] of cases) {
    await t.step(name, () => {
      assert.throws(() => [...wireFields(Uint8Array.from(bytes))], RangeError);
    });
  }
});

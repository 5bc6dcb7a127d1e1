// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { Chance } from "@denvoy/base/testing";
import { KeyList } from "./key_list.ts";

function put(list: KeyList, ...parts: readonly string[]): number {
  list.begin();
  for (const [index, part] of parts.entries()) {
    if (index > 0) list.underscore();
    list.text(part);
  }
  return list.end();
}

function written({ bytes }: KeyList): string {
  return new TextDecoder().decode(bytes);
}

/** The protocol, written the plain way. */
function resp(names: readonly string[]): string {
  const encoder = new TextEncoder();
  return names.map((name) => `$${encoder.encode(name).byteLength}\r\n${name}\r\n`).join("");
}

Deno.test("KeyList writes names of any length and script as Redis reads them", () => {
  const names = [0, 1, 9, 10, 11, 99, 100, 101, 999, 1_000, 70_000].map((length) =>
    "x".repeat(length)
  );
  for (const all of [names, names.toReversed(), ["größe", "ключ".repeat(20), "a🙂b", "plain"]]) {
    const list = new KeyList();
    assert.deepEqual(all.map((name) => put(list, name)), [...all.keys()]);
    assert.equal(written(list), resp(all));
    assert.equal(list.first(), all[0]);
    assert.equal(list.size, all.length);
  }
});

Deno.test("KeyList knows a name again, however it was put together", () => {
  const list = new KeyList();
  assert.deepEqual(
    [["d", "k", "v"], ["d", "k", "w"], ["d_k", "v"], ["d_k_v"], ["d_k_"], ["d", "k", ""]]
      .map((parts) => put(list, ...parts)),
    [0, 1, 0, 0, 2, 2],
  );
  assert.equal(written(list), resp(["d_k_v", "d_k_w", "d_k_"]));
});

Deno.test("KeyList keeps the places of thousands of names", () => {
  const chance = new Chance(7);
  const list = new KeyList();
  const places = new Map<string, number>();
  for (let n = 0; n < 20_000; n++) {
    const name = `${"n".repeat(chance.below(12))}${chance.below(6_000)}`;
    const known = places.get(name) ?? places.size;
    assert.equal(put(list, name), known);
    places.set(name, known);
  }
  assert.equal(list.size, places.size);
  assert.equal(written(list), resp([...places.keys()]));
});

Deno.test("KeyList has no first key while it is empty", () => {
  const list = new KeyList();
  assert.deepEqual([list.first(), list.size, list.bytes.byteLength], [undefined, 0, 0]);
});

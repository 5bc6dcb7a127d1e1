// SPDX-License-Identifier: Apache-2.0
/** How session ticket keys change, in simulated time. @module */
import assert from "node:assert/strict";
import {
  defaultTicketKeyPolicy,
  dueTicketKeys,
  newTicketKeys,
  readTicketKeys,
  rotateTicketKeys,
  ticketKeyBytes,
  type TicketKeyRing,
  ticketKeysOf,
  ticketKeysProblem,
  writeTicketKeys,
} from "./ticket_keys.ts";

const HOUR = 3_600_000;
const policy = defaultTicketKeyPolicy;

/** Keys that differ and can be told apart: all bytes of the n-th are n. */
function numbered(): (count: number) => Uint8Array {
  let number = 0;
  return (count) => new Uint8Array(count).fill(++number);
}

function numbersOf(ring: TicketKeyRing): readonly (number | undefined)[] {
  return ticketKeysOf(ring).map(([first]) => first);
}

Deno.test("the key that encrypts next is given out a turn before", () => {
  const randomBytes = numbered();
  let ring = newTicketKeys({ nowMs: 0, randomBytes });
  const seen = [numbersOf(ring)];
  for (let hour = 1; hour <= 4; hour++) {
    ring = dueTicketKeys(ring, { policy, nowMs: hour * HOUR, randomBytes });
    seen.push(numbersOf(ring));
  }
  assert.deepEqual(seen, [[1, 2], [2, 3, 1], [3, 4, 2, 1], [4, 5, 3, 2], [5, 6, 4, 3]]);
});

Deno.test("over a year each key still decrypts for two turns after it encrypted", () => {
  let number = 0;
  const randomBytes = (count: number) => {
    const key = new Uint8Array(count);
    new DataView(key.buffer).setUint32(0, ++number);
    return key;
  };
  let ring = newTicketKeys({ nowMs: 0, randomBytes });
  const encrypted: string[] = [];
  for (let hour = 0; hour < 8760; hour++) {
    ring = dueTicketKeys(ring, { policy, nowMs: hour * HOUR, randomBytes });
    encrypted.unshift(ring.current.toHex());
    const known = new Set(ticketKeysOf(ring).map((key) => key.toHex()));
    assert.ok(encrypted.slice(0, 3).every((key) => known.has(key)));
    encrypted.length = Math.min(encrypted.length, 3);
  }
});

const jumps: readonly (readonly [string, number, readonly number[]])[] = [
  ["nothing before the end of a turn", HOUR - 1, [1, 2]],
  ["both turns that passed in a pause", 2 * HOUR + 5, [3, 4, 2, 1]],
  ["new keys after a pause that outlasts all", 4 * HOUR, [3, 4]],
  ["nothing when the clock was set back", -HOUR, [1, 2]],
];

for (const [name, nowMs, expected] of jumps) {
  Deno.test(`dueTicketKeys() does ${name}`, () => {
    const randomBytes = numbered();
    const ring = newTicketKeys({ nowMs: 0, randomBytes });
    assert.deepEqual(numbersOf(dueTicketKeys(ring, { policy, nowMs, randomBytes })), expected);
  });
}

Deno.test("dueTicketKeys() counts a turn from the moment to which the clock was set back", () => {
  const randomBytes = numbered();
  const ring = newTicketKeys({ nowMs: 10 * HOUR, randomBytes });
  const back = dueTicketKeys(ring, { policy, nowMs: 0, randomBytes });
  assert.deepEqual(numbersOf(dueTicketKeys(back, { policy, nowMs: HOUR, randomBytes })), [2, 3, 1]);
});

Deno.test("a ring that was written is read again, and nothing else is", () => {
  const randomBytes = numbered();
  const moment = { nowMs: 5, randomBytes };
  const ring = rotateTicketKeys(newTicketKeys(moment), { ...moment, policy });
  assert.deepEqual(readTicketKeys(writeTicketKeys(ring)), ring);
  for (const text of ["", "{}", "null", '{"sinceMs":1,"keys":["AA=="]}', '{"keys":[1]}']) {
    assert.equal(readTicketKeys(new TextEncoder().encode(text)), undefined);
  }
});

const key = new Uint8Array(ticketKeyBytes);
const problems: readonly (readonly [string, readonly Uint8Array[], RegExp | undefined])[] = [
  ["takes one of 80 bytes", [key], undefined],
  ["refuses none", [], /there must be 1 to 16: there are 0/],
  ["refuses 48 bytes", [key.subarray(0, 48)], /80 bytes: one has 48/],
  ["refuses the same twice", [key, key], /two are the same/],
];

for (const [name, keys, expected] of problems) {
  Deno.test(`ticketKeysProblem() ${name}`, () => {
    const problem = ticketKeysProblem(keys);
    if (expected === undefined) assert.equal(problem, undefined);
    else assert.match(problem ?? "", expected);
  });
}

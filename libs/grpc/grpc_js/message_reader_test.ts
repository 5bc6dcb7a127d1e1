// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { MessageReader } from "./message_reader.ts";

const end = { done: true, value: undefined };

Deno.test("MessageReader asks for a message only when its reader does", async () => {
  let asked = 0;
  const reader = new MessageReader<string>(() => asked++);
  assert.equal(asked, 0);
  const first = reader.next();
  assert.equal(asked, 1);
  reader.deliver("a");
  assert.deepEqual([await first, asked], [{ done: false, value: "a" }, 1]);
});

Deno.test("MessageReader serves readers that wait together in order, one message each", async () => {
  let asked = 0;
  const reader = new MessageReader<string>(() => asked++);
  const both = Promise.all([reader.next(), reader.next()]);
  assert.equal(asked, 1);
  reader.deliver("a");
  assert.equal(asked, 2);
  reader.deliver("b");
  assert.deepEqual((await both).map(({ value }) => value), ["a", "b"]);
});

Deno.test("MessageReader ends those that wait and those that come", async () => {
  const reader = new MessageReader<string>(() => {});
  const waiting = reader.next();
  reader.end();
  assert.deepEqual([await waiting, await reader.next()], [end, end]);
});

Deno.test("MessageReader gives an error once, then the end", async () => {
  const reader = new MessageReader<string>(() => {});
  const waiting = reader.next();
  reader.fail(new Error("lost"));
  await assert.rejects(waiting, /lost/);
  assert.deepEqual(await reader.next(), end);
});

Deno.test("MessageReader keeps an error for the reader that comes later", async () => {
  const reader = new MessageReader<string>(() => {});
  reader.fail(new Error("lost"));
  await assert.rejects(reader.next(), /lost/);
  assert.deepEqual(await reader.next(), end);
});

Deno.test("MessageReader.return() ends the reading: nothing is asked for any more", async () => {
  let asked = 0;
  const reader = new MessageReader<string>(() => asked++);
  await reader.return();
  assert.deepEqual([await reader.next(), asked], [end, 0]);
});

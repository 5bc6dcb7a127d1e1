// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { EventQueue } from "./event_queue.ts";

Deno.test("EventQueue gives events in order, also to a reader that waits", async () => {
  const queue = new EventQueue();
  queue.preload({ event: "a", data: 1 });
  const reader = queue[Symbol.asyncIterator]();
  assert.equal((await reader.next()).value.event, "a");
  const waiting = reader.next();
  queue.push({ event: "b", data: 2 });
  assert.equal((await waiting).value.event, "b");
  await reader.return?.();
});

Deno.test("EventQueue ends the watch of a reader that is too slow, and lets go of its source", async () => {
  const queue = new EventQueue();
  let released = 0;
  queue.onEnd(() => released++);
  for (let index = 0; index < 5000; index++) queue.push({ event: `${index}`, data: index });
  assert.equal(released, 1);
  const seen: string[] = [];
  for await (const { event } of queue) seen.push(event);
  assert.equal(seen.length, 1001);
  assert.equal(seen.at(-1), "overflow");
  assert.equal(released, 1);
});

Deno.test("EventQueue lets go of its source when the reader leaves, also while it waits", async () => {
  const queue = new EventQueue();
  let released = 0;
  queue.onEnd(() => released++);
  const reader = queue[Symbol.asyncIterator]();
  const waiting = reader.next();
  await reader.return?.();
  assert.equal((await waiting).done, true);
  assert.equal(released, 1);
});

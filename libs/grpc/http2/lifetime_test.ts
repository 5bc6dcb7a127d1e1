// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { Lifetime, type LifetimeLimits, type Living } from "./lifetime.ts";

const limits: LifetimeLimits = {
  handshakeTimeoutMs: 100,
  keepaliveIntervalMs: 1_000,
  keepaliveTimeoutMs: 200,
  maxConnectionIdleMs: 5_000,
  maxConnectionAgeMs: 20_000,
  connectionGraceMs: 3_000,
  writeTimeoutMs: 300,
};
const busy: Living = { established: true, openStreams: 1, end: undefined };
const idle: Living = { ...busy, openStreams: 0 };

Deno.test("Lifetime ends a connection without a preface in time", () => {
  const lifetime = new Lifetime(limits, 0);
  const unborn = { ...idle, established: false };
  assert.equal(lifetime.check(100, unborn).kind, "none");
  assert.equal(lifetime.check(101, unborn).kind, "end");
});

Deno.test("Lifetime pings a silent peer, and cuts it when nothing comes back", () => {
  const lifetime = new Lifetime(limits, 0);
  assert.equal(lifetime.check(1_000, busy).kind, "none");
  assert.equal(lifetime.check(1_001, busy).kind, "ping");
  assert.equal(lifetime.check(1_201, busy).kind, "none", "one ping at a time");
  lifetime.received(1_201);
  assert.equal(lifetime.check(2_000, busy).kind, "none");
  assert.equal(lifetime.check(2_202, busy).kind, "ping");
  assert.deepEqual(lifetime.check(2_403, busy), { kind: "cut", reason: "keepalive timed out" });
});

Deno.test("Lifetime cuts a peer that takes nothing of what is written", () => {
  const lifetime = new Lifetime(limits, 0);
  lifetime.writeStarted(10);
  lifetime.received(310);
  assert.equal(lifetime.check(310, busy).kind, "none");
  assert.deepEqual(lifetime.check(311, busy), { kind: "cut", reason: "peer does not read" });
  lifetime.writeEnded();
  assert.equal(lifetime.check(311, busy).kind, "none");
});

Deno.test("Lifetime drains an idle connection, then ends it after the grace", () => {
  const lifetime = new Lifetime(limits, 0);
  lifetime.received(4_500);
  assert.equal(lifetime.check(5_000, idle).kind, "none");
  assert.equal(lifetime.check(5_001, idle).kind, "drain");
  lifetime.received(6_000);
  assert.equal(lifetime.check(6_001, idle).kind, "none");
  assert.equal(lifetime.check(6_002, idle).kind, "finish-drain");
  lifetime.received(8_000);
  assert.equal(lifetime.check(8_002, idle).kind, "end");
});

Deno.test("Lifetime counts idleness from the last stream, age from the beginning", () => {
  const lifetime = new Lifetime(limits, 0);
  for (let now = 0; now <= 20_000; now += 500) {
    lifetime.received(now);
    assert.equal(lifetime.check(now, busy).kind, "none");
  }
  assert.equal(lifetime.check(20_001, busy).kind, "drain");
});

Deno.test("Lifetime leaves the grace of a drain from outside to whoever drains", () => {
  const lifetime = new Lifetime(limits, 0);
  lifetime.drainStarted(0);
  lifetime.received(1_001);
  assert.equal(lifetime.check(1_001, busy).kind, "finish-drain");
  lifetime.received(9_000);
  assert.equal(lifetime.check(9_000, busy).kind, "none");
});

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  defaultRolloutRules,
  type RolloutEvent,
  type RolloutRules,
  startRollout,
  stepRollout,
} from "./rollout.ts";

const cluster = { typeUrl: "c", name: "front" };
const route = { typeUrl: "r", name: "all" };

function of(kind: "sent" | "acked", node: string, key = cluster): RolloutEvent {
  return { kind, node, key, version: key === cluster ? "v2" : "r2" };
}

function nack(node: string, version = "v2"): RolloutEvent {
  return { kind: "nacked", node, key: cluster, version, why: "bad port" };
}

interface Case {
  readonly name: string;
  readonly rules?: Partial<RolloutRules>;
  readonly deletesOnly?: boolean;
  /** Each event with the seconds that have passed since the start. */
  readonly events: readonly (readonly [number, RolloutEvent])[];
  readonly status: "canary" | "promoted" | "reverted";
  readonly why?: RegExp;
}

const tick: RolloutEvent = { kind: "tick" };

const cases: readonly Case[] = [
  { name: "waits for a node", events: [[6, tick]], status: "canary" },
  {
    name: "goes on when the only node ACKed and the soak time is over",
    events: [[0, of("sent", "a")], [1, of("acked", "a")], [5, tick]],
    status: "promoted",
    why: /accepted by 1 node$/,
  },
  {
    name: "does not go on within the soak time",
    events: [[0, of("sent", "a")], [1, of("acked", "a")], [4, tick]],
    status: "canary",
  },
  {
    name: "waits for every node that was sent the change",
    events: [[0, of("sent", "a")], [0, of("sent", "b")], [1, of("acked", "a")], [9, tick]],
    status: "canary",
  },
  {
    name: "waits for every resource of a node",
    events: [[0, of("sent", "a")], [1, of("acked", "a")], [2, of("sent", "a", route)], [9, tick]],
    status: "canary",
  },
  {
    name: "goes on with the last ACK after the soak time",
    events: [[0, of("sent", "a")], [0, of("sent", "b")], [1, of("acked", "a")], [
      9,
      of("acked", "b"),
    ]],
    status: "promoted",
    why: /accepted by 2 nodes/,
  },
  {
    name: "goes on with enough ACKs when a number is set",
    rules: { minAcks: 1 },
    events: [[0, of("sent", "a")], [0, of("sent", "b")], [6, of("acked", "a")]],
    status: "promoted",
  },
  {
    name: "goes back on a NACK, with the node's words",
    events: [[0, of("sent", "a")], [1, nack("a")]],
    status: "reverted",
    why: /^a rejected front: bad port$/,
  },
  {
    name: "ignores a NACK of other content",
    events: [[0, of("sent", "a")], [1, nack("a", "v1")]],
    status: "canary",
  },
  {
    name: "ignores an ACK of other content",
    events: [[0, { kind: "acked", node: "a", key: cluster, version: "v1" }], [9, tick]],
    status: "canary",
  },
  {
    name: "no longer waits for a node that went away",
    events: [[0, of("sent", "a")], [0, of("sent", "b")], [1, of("acked", "a")], [
      6,
      { kind: "disconnected", node: "b" },
    ]],
    status: "promoted",
  },
  {
    name: "counts the ACK of a node that went away",
    events: [[0, of("sent", "a")], [1, of("acked", "a")], [
      2,
      { kind: "disconnected", node: "a" },
    ], [6, tick]],
    status: "promoted",
  },
  {
    name: "goes back when the time is over",
    events: [[0, of("sent", "a")], [300, tick]],
    status: "reverted",
    why: /no decision within 300 s/,
  },
  {
    name: "goes on when the time is over and the rules say so",
    rules: { onTimeout: "promote", timeoutMs: 60_000 },
    events: [[60, tick]],
    status: "promoted",
  },
  {
    name: "goes on after the soak time when it only deletes",
    deletesOnly: true,
    events: [[5, tick]],
    status: "promoted",
  },
  {
    name: "goes on by hand",
    events: [[1, { kind: "promote", who: "ops" }]],
    status: "promoted",
    why: /promoted by ops/,
  },
  {
    name: "goes back by hand",
    events: [[1, { kind: "abort", who: "ops" }]],
    status: "reverted",
    why: /aborted by ops/,
  },
  {
    name: "stays as decided",
    events: [[1, { kind: "abort", who: "ops" }], [2, { kind: "promote", who: "ops" }]],
    status: "reverted",
  },
];

Deno.test("stepRollout() decides by ACKs, NACKs, time and hand", async (t) => {
  for (const { name, rules, deletesOnly, events, status, why } of cases) {
    await t.step(name, () => {
      const awaited = [{ key: cluster, version: "v2" }, { key: route, version: "r2" }];
      let state = startRollout(deletesOnly ? [] : awaited, {
        rules: { ...defaultRolloutRules, ...rules },
        nowMs: 0,
      });
      for (const [seconds, event] of events) {
        state = stepRollout(state, { event, nowMs: seconds * 1000 });
      }
      assert.equal(state.status.kind, status);
      if (why !== undefined) {
        assert.match(state.status.kind === "canary" ? "" : state.status.why, why);
      }
    });
  }
});

Deno.test("stepRollout() takes any text for a node id", () => {
  let state = startRollout([{ key: cluster, version: "v2" }], {
    rules: { ...defaultRolloutRules, soakMs: 0 },
    nowMs: 0,
  });
  const ids = ["__proto__", "constructor", "toString", ""];
  for (const node of ids) {
    state = stepRollout(state, { event: { kind: "disconnected", node }, nowMs: 1 });
    state = stepRollout(state, { event: of("sent", node), nowMs: 1 });
  }
  assert.deepEqual(Object.keys(state.nodes), ids);
  state = JSON.parse(JSON.stringify(state));
  for (const node of ids) state = stepRollout(state, { event: of("acked", node), nowMs: 2 });
  assert.equal(state.status.kind, "promoted");
});

Deno.test("stepRollout() keeps a bounded number of nodes", () => {
  let state = startRollout([{ key: cluster, version: "v2" }], {
    rules: defaultRolloutRules,
    nowMs: 0,
  });
  const nodes = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, index) => [`n${index}`, { pending: [], acked: [] }]),
  );
  state = { ...state, nodes };
  assert.equal(stepRollout(state, { event: of("sent", "one more"), nowMs: 1 }), state);
  assert.notEqual(stepRollout(state, { event: nack("one more"), nowMs: 1 }), state);
});

Deno.test("stepRollout() returns the same state for what changes nothing", () => {
  const state = startRollout([{ key: cluster, version: "v2" }], {
    rules: defaultRolloutRules,
    nowMs: 0,
  });
  for (const event of [tick, nack("a", "old"), { kind: "disconnected", node: "x" } as const]) {
    assert.equal(stepRollout(state, { event, nowMs: 1 }), state);
  }
});

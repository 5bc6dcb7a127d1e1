// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { FakeClock, RecordingLogger } from "@denvoy/base/testing";
import { Readiness } from "@denvoy/runtime";
import type { NodeMetrics } from "./domain/node_metrics.ts";
import type {
  Beat,
  ClaimKind,
  ClaimOutcome,
  NodeRecord,
  SaveOptions,
  SaveOutcome,
  SharedTotals,
} from "./domain/shared_totals.ts";
import type { NodeTotals } from "./domain/totals.ts";
import { SharedNodes } from "./shared_nodes.ts";
import { TestFleet, testNode } from "./testing.ts";

interface Kept {
  owner: string;
  open: boolean;
  totals: NodeTotals | undefined;
}

/** What replicas share, in memory; `isAway` breaks the way to it. */
class FakeShared {
  readonly nodes = new Map<string, Kept>();
  readonly wanted = new Map<string, Set<string>>();
  isAway = false;
  /** Happens once, while a save is under way. */
  onSave: () => void = () => {};
}

/** One replica's way to what they share. */
class FakeSharedTotals implements SharedTotals {
  readonly #shared: FakeShared;
  readonly #replica: string;
  readonly #totals = new WeakMap<NodeRecord, NodeTotals>();

  constructor(shared: FakeShared, replica: string) {
    this.#shared = shared;
    this.#replica = replica;
  }

  claim(id: string, kind: ClaimKind): Promise<ClaimOutcome> {
    return this.#ask(({ nodes, wanted }) => {
      const node = nodes.get(id) ?? { owner: "", open: false, totals: undefined };
      const isOthers = node.owner !== "" && node.owner !== this.#replica;
      if (isOthers && kind === "idle" && node.open) return { kind: "refused" };
      if (isOthers && kind !== "force") {
        wanted.set(node.owner, (wanted.get(node.owner) ?? new Set()).add(id));
        return { kind: "asked" };
      }
      nodes.set(id, { ...node, owner: this.#replica, open: true });
      return { kind: "taken", totals: node.totals };
    });
  }

  record(node: NodeMetrics): NodeRecord {
    const { info, startMs, sinceMs, seenMs } = node;
    const record: NodeRecord = { id: info.id, about: "", series: [], totals: "" };
    const slot = 0;
    const series = node.series.seriesAt(slot);
    const { last, before } = {
      last: node.series.last(slot),
      before: node.series.before(slot),
    };
    const totals = { kind: "scalar", last, before } as const;
    const list = series === undefined ? [] : [[series, totals] as const];
    this.#totals.set(record, { info, startMs, sinceMs, seenMs, series: list });
    return record;
  }

  save(record: NodeRecord, { give, open }: SaveOptions): Promise<SaveOutcome> {
    return this.#ask((shared) => {
      const { nodes, onSave } = shared;
      shared.onSave = () => {};
      onSave();
      const node = nodes.get(record.id);
      if (node !== undefined && node.owner !== this.#replica) return "lost";
      const owner = give ? "" : this.#replica;
      nodes.set(record.id, { owner, open, totals: this.#totals.get(record) });
      return "kept";
    });
  }

  give(id: string): Promise<void> {
    return this.#ask(({ nodes }) => {
      const node = nodes.get(id);
      if (node?.owner === this.#replica) nodes.set(id, { ...node, owner: "", open: false });
    });
  }

  beat(): Promise<Beat> {
    return this.#ask(({ wanted }) => {
      const ids = [...wanted.get(this.#replica) ?? []];
      wanted.delete(this.#replica);
      return { wasGone: false, wanted: ids };
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #ask<T>(answer: (shared: FakeShared) => T): Promise<T> {
    await Promise.resolve();
    if (this.#shared.isAway) throw new Error("away");
    return answer(this.#shared);
  }
}

class Scene implements AsyncDisposable {
  readonly shared = new FakeShared();
  readonly clock = new FakeClock();
  readonly #replicas = new Map<string, { readonly test: TestFleet; readonly nodes: SharedNodes }>();

  replica(name: string) {
    const test = new TestFleet();
    const nodes = new SharedNodes({
      fleet: test.fleet,
      store: new FakeSharedTotals(this.shared, name),
      ...{ saveMs: 1_000, clock: this.clock, logger: new RecordingLogger() },
      health: new Readiness(this.clock).component("redis"),
      onMove() {},
      onSave() {},
    });
    this.#replicas.set(name, { test, nodes });
    return { test, nodes };
  }

  /** Lets time pass, in steps in which all that is due is done. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      this.clock.advance(50);
      for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.shared.isAway = true;
    for (const { nodes } of this.#replicas.values()) await nodes[Symbol.asyncDispose]();
  }
}

/** Opens a stream and flushes a counter. */
async function report(
  { test, nodes }: ReturnType<Scene["replica"]>,
  { scene, value, afterMs = 500 }: {
    readonly scene: Scene;
    readonly value: number;
    readonly afterMs?: number;
  },
): Promise<void> {
  const opened = nodes.opened(testNode("a"));
  await scene.pass(afterMs);
  await opened;
  test.open("a");
  test.flush("a", { counters: { x: value } });
}

function value({ test }: ReturnType<Scene["replica"]>): number | undefined {
  const found = /^envoy_x\{.*\} (\d+)$/m.exec(test.text())?.[1];
  return found === undefined ? undefined : Number(found);
}

Deno.test("a node goes to the replica that has its newest stream, and back when that is over", async () => {
  await using scene = new Scene();
  const [first, second] = [scene.replica("first"), scene.replica("second")];
  await report(first, { scene, value: 10 });
  await scene.pass(500);
  await report(second, { scene, value: 12 });
  assert.deepEqual([value(first), value(second)], [undefined, 12]);
  assert.equal(await first.nodes.again(testNode("a")), false, "the other has a stream of it");
  second.nodes.closed(testNode("a"));
  await scene.pass(500);
  const again = first.nodes.again(testNode("a"));
  await scene.pass(500);
  assert.equal(await again, true);
  assert.deepEqual([value(first), value(second)], [undefined, undefined]);
  first.test.open("a");
  first.test.flush("a", { counters: { x: 15 } });
  assert.equal(value(first), 15);
  first.nodes.closed(testNode("a"));
  await scene.pass(500);
  assert.equal(scene.shared.nodes.get("a")?.open, false, "others may have it");
  await first.nodes.opened(testNode("a"));
  await scene.pass(500);
  assert.equal(scene.shared.nodes.get("a")?.open, true, "the newest stream is here again");
});

Deno.test("a node whose owner does not answer is taken, and its owner hears of it when it saves", async () => {
  await using scene = new Scene();
  scene.shared.nodes.set("a", { owner: "stuck", open: true, totals: undefined });
  const first = scene.replica("first");
  const opened = first.nodes.opened(testNode("a"));
  await scene.pass(9_000);
  assert.equal(first.test.fleet.node("a"), undefined, "it is waited for");
  await scene.pass(2_000);
  await opened;
  assert.ok(first.test.fleet.node("a"));
  first.test.open("a");
  first.test.flush("a", { counters: { x: 1 } });
  scene.shared.nodes.set("a", { owner: "stuck", open: true, totals: undefined });
  first.test.flush("a", { counters: { x: 2 } });
  const node = first.test.fleet.node("a");
  assert.ok(node);
  node.seenMs = scene.clock.nowMs() + 10_000;
  await scene.pass(2_000);
  assert.equal(value(first), undefined);
});

Deno.test("alone, a replica counts after a while, and gives way to who has the node when it can ask", async () => {
  await using scene = new Scene();
  const first = scene.replica("first");
  scene.shared.isAway = true;
  await report(first, { scene, value: 5, afterMs: 3_500 });
  assert.equal(value(first), 5);
  scene.shared.nodes.set("a", { owner: "other", open: true, totals: undefined });
  first.nodes.closed(testNode("a"));
  scene.shared.isAway = false;
  await scene.pass(1_000);
  assert.equal(value(first), undefined, "the other has a stream, this one has none");
});

Deno.test("a stream that ends while its node is written is written, too", async () => {
  await using scene = new Scene();
  const first = scene.replica("first");
  await report(first, { scene, value: 10 });
  const node = first.test.fleet.node("a");
  assert.ok(node);
  node.seenMs = scene.clock.nowMs() + 500;
  scene.shared.onSave = () => first.nodes.closed(testNode("a"));
  await scene.pass(3_000);
  assert.equal(scene.shared.nodes.get("a")?.open, false);
});

Deno.test("a store that is away for a moment is waited for", async () => {
  await using scene = new Scene();
  const [first, second] = [scene.replica("first"), scene.replica("second")];
  await report(first, { scene, value: 10 });
  const sinceMs = first.test.fleet.node("a")?.sinceMs;
  await first.nodes[Symbol.asyncDispose]();
  scene.shared.isAway = true;
  const opened = second.nodes.opened(testNode("a"));
  await scene.pass(2_000);
  scene.shared.isAway = false;
  await scene.pass(100);
  await opened;
  assert.equal(second.test.fleet.node("a")?.sinceMs, sinceMs, "it goes on");
});

Deno.test("what stops gives all away, for the next to go on with", async () => {
  await using scene = new Scene();
  const [first, second] = [scene.replica("first"), scene.replica("second")];
  await report(first, { scene, value: 10 });
  await first.nodes[Symbol.asyncDispose]();
  assert.deepEqual([value(first), scene.shared.nodes.get("a")?.owner], [undefined, ""]);
  await report(second, { scene, value: 3 });
  assert.equal(value(second), 3);
  assert.match(second.test.text({ sums: true }), /envoy_x\{.*\} 3\n/, "it has started anew");
});

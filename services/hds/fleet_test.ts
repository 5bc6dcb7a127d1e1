// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { silentLogger } from "@denvoy/base";
import { FakeClock } from "@denvoy/base/testing";
import { MemoryHealthStore } from "./domain/memory_store.ts";
import { cluster } from "./domain/testing.ts";
import type { FleetSession } from "./fleet.ts";
import { HealthControl } from "./health_control.ts";

const addresses = ["10.0.0.1:80", "10.0.0.2:80"];

/** A control whose time the test moves. */
class Scene implements Disposable {
  readonly clock = new FakeClock();
  readonly control: HealthControl;

  constructor(store = new MemoryHealthStore(), sources: readonly ("files" | "ads")[] = ["files"]) {
    this.control = new HealthControl({
      policy: { mode: "spread", probers: 1, maxPerProber: 100 },
      verdicts: {
        ...{ agreement: "majority", rise: 1, fall: 1, reportIntervalMs: 1000, doubtFrom: 0 },
        ...{ keepShare: 0, flapLimit: 0, flapWindowMs: 0, flapHoldMs: 0 },
      },
      sources,
      ...{ store, clock: this.clock, logger: silentLogger },
    });
  }

  check(): void {
    this.control.setClusters("files", new Map([["web", cluster("web", addresses)]]));
  }

  join(): FleetSession {
    const capability = { healthCheckProtocols: [0, 1] };
    return this.control.join({ node: undefined, capability, peerAddress: "10.0.0.9:1" });
  }

  /** Intervals pass in which these report that all is well. */
  pass(intervals: number, ...sessions: readonly FleetSession[]): void {
    for (let count = 0; count < intervals; count++) {
      this.clock.advance(1000);
      for (const session of sessions) {
        this.control.report(
          session,
          addresses.map((probed) => ({ cluster: "web", probed, health: "HEALTHY" as const })),
        );
      }
      this.control.tick();
    }
  }

  get probers(): readonly string[] {
    return [...this.control.table.endpoints()].flatMap(({ probers }) => probers).sort();
  }

  [Symbol.dispose](): void {
    this.control[Symbol.dispose]();
  }
}

/** Takes what is due of a session's specifiers, and leaves the session open. */
async function take(session: FleetSession): Promise<IteratorResult<Uint8Array>> {
  return await session.specifiers().next();
}

Deno.test("Envoys are told nothing before all sources have said what there is", () => {
  using scene = new Scene(undefined, ["files", "ads"]);
  scene.check();
  const session = scene.join();
  scene.pass(2);
  assert.deepEqual(scene.probers, []);
  assert.deepEqual([...scene.control.table.endpoints()], []);
  scene.control.setClusters("ads", new Map());
  scene.pass(2, session);
  assert.deepEqual(scene.probers, ["unnamed", "unnamed"]);
});

Deno.test("a herd that comes is put together, and what a silent Envoy checked goes to others", async () => {
  using scene = new Scene();
  scene.check();
  const sessions = [scene.join(), scene.join()];
  scene.clock.advance(50);
  assert.deepEqual(scene.probers, [], "for a moment");
  scene.pass(1, ...sessions);
  for (const session of sessions) await take(session);
  assert.deepEqual(scene.probers, ["unnamed", "unnamed#2"]);
  const [first] = sessions;
  assert.ok(first);
  scene.pass(6, first);
  assert.deepEqual(scene.probers, ["unnamed", "unnamed"]);
  scene.pass(2, ...sessions);
  assert.deepEqual(scene.probers, ["unnamed", "unnamed#2"], "heard of again");
});

Deno.test("an Envoy that comes back in time finds its endpoints as they were", async () => {
  using scene = new Scene();
  scene.check();
  const session = scene.join();
  scene.pass(2, session);
  const specifiers = session.specifiers();
  await specifiers.next();
  session.end();
  assert.equal((await specifiers.next()).done, true);
  scene.pass(2);
  assert.deepEqual(scene.probers, ["unnamed", "unnamed"], "not gone yet");
  scene.pass(4);
  assert.deepEqual(scene.probers, [], "gone");
  const verdicts = [...scene.control.table.endpoints()].map(({ health }) => health);
  assert.deepEqual(verdicts, ["HEALTHY", "HEALTHY"], "the last known stays");
  scene.pass(2, scene.join());
  assert.deepEqual(scene.probers, ["unnamed", "unnamed"]);
});

Deno.test("a restart begins with the verdicts from before, also where clusters come late", () => {
  const store = new MemoryHealthStore();
  using before = new Scene(store);
  before.check();
  before.pass(3, before.join());
  using after = new Scene(store, ["files", "ads"]);
  after.check();
  after.control.setClusters("ads", new Map());
  const restored = [...after.control.table.endpoints()].map((
    { health, reason },
  ) => [health, reason]);
  assert.deepEqual(restored, [["HEALTHY", "restored"], ["HEALTHY", "restored"]]);
});

Deno.test("a store that cannot be written to loses nothing: it is tried again", () => {
  const store = new MemoryHealthStore();
  using scene = new Scene(store);
  const write = store.write.bind(store);
  store.write = () => {
    throw new Error("disk full");
  };
  scene.check();
  scene.pass(3, scene.join());
  assert.deepEqual(store.verdicts(), []);
  store.write = write;
  scene.pass(1);
  assert.deepEqual(store.verdicts().map(({ health }) => health), ["HEALTHY", "HEALTHY"]);
});

Deno.test("what other replicas wrote is taken over: verdicts, orders, and orders taken back", () => {
  const store = new MemoryHealthStore();
  using scene = new Scene(store);
  scene.check();
  const [address = ""] = addresses;
  const place = { cluster: "web", address };
  const told: string[] = [];
  scene.control.listen(({ changes }) => told.push(...changes.map(({ after }) => after)));
  const shown = () => {
    const record = scene.control.table.get("web", address);
    return [record?.health, record?.reason];
  };
  const found = { health: "UNHEALTHY", found: "UNHEALTHY", sinceMs: 5, by: ["a"] } as const;
  store.write({ verdicts: [{ ...place, ...found }], changes: [], removed: [] });
  scene.control.adopt({ verdicts: true });
  assert.deepEqual(shown(), ["UNHEALTHY", "restored"]);
  const order = { state: "draining", who: "ops", reason: "", atMs: 7 } as const;
  store.setOrder({ ...place, order });
  scene.control.adopt({ verdicts: false });
  assert.deepEqual(shown(), ["DRAINING", "order"]);
  scene.control.adopt({ verdicts: true });
  assert.deepEqual(shown(), ["DRAINING", "order"]);
  store.setOrder({ ...place, order: undefined });
  scene.control.adopt({ verdicts: false });
  assert.equal(shown()[0], "UNHEALTHY");
  assert.deepEqual(told.slice(0, 2), ["UNHEALTHY", "DRAINING"]);
});

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { FakeClock } from "@denvoy/base/testing";
import type { SlotEdit } from "./catalog.ts";
import { type Configuration, openConfiguration } from "./configuration.ts";
import { ProposingStore } from "./proposing_store.ts";
import type { Registration } from "./registration.ts";
import { Replica } from "./replica.ts";
import type { Replication } from "./replication.ts";
import { CLUSTER } from "./resource_types.ts";
import { defaultRolloutRules } from "./rollout.ts";
import { testSelector, textOf, textResource } from "./testing.ts";

/** Replicas that agree at once. */
class Bus {
  readonly clock = new FakeClock();
  readonly replicas: Replica[] = [];
  readonly configurations: Configuration[] = [];
  /** Done by another replica before the next proposal is taken. */
  overtaking: (() => Promise<unknown>) | undefined;
  #commits = 0;

  add(): Configuration {
    const store = new ProposingStore(10);
    const replication: Replication = {
      available: true,
      submit: (operation) => this.#submit(store, operation),
      renewed: (cluster, id) => {
        for (const replica of this.replicas) replica.take({ renewed: [{ cluster, id }] });
      },
      heard: () => {},
    };
    const configuration = openConfiguration({ clock: this.clock, store, replication });
    this.replicas.push(new Replica(configuration, store));
    this.configurations.push(configuration);
    return configuration;
  }

  /** Whether all replicas have the same. */
  agree(): void {
    const [first, ...others] = this.replicas.map((replica) => replica.everything());
    for (const other of others) assert.deepEqual(other, first);
  }

  async #submit<T>(store: ProposingStore, operation: () => T): Promise<T> {
    for (;;) {
      const at = this.#commits;
      const { result, batch } = store.propose(operation);
      const { overtaking } = this;
      this.overtaking = undefined;
      await overtaking?.();
      if (batch !== undefined && this.#commits !== at) continue;
      if (batch === undefined) return result;
      this.#commits++;
      for (const replica of this.replicas) replica.take(batch);
      return result;
    }
  }
}

const key = { typeUrl: CLUSTER, name: "a" };
const everyNode = testSelector("");

function put(configuration: Configuration, text: string, version?: string) {
  const entry = { resource: textResource("a", { text }), who: "me", atMs: 1 };
  const edit: SlotEdit = { key, selector: everyNode, layer: "api", entry };
  return configuration.submit(() =>
    configuration.writer.apply({
      ...{ source: "api", who: "me", summary: text, edits: [edit], policy: "warn" },
      ...(version !== undefined && { expectations: [{ key, selector: everyNode, version }] }),
    }, { nowMs: 1 })
  );
}

function file(configuration: Configuration, text: string, line = 1) {
  const entry = { resource: textResource("f", { text }), place: { file: "a.yaml", line } };
  const edit: SlotEdit = { key: { ...key, name: "f" }, selector: everyNode, layer: "files", entry };
  return configuration.submit(() => configuration.files.replace([edit], text));
}

function endpoint(id: string, port: number): Registration {
  const locality = { region: "", zone: "", subZone: "" };
  const rest = { hostname: "", weight: 1, priority: 0, metadata: {}, health: "unknown" as const };
  return { cluster: "c", id, address: "10.0.0.1", port, ttlMs: 5000, locality, ...rest };
}

Deno.test("replicas show a change once all take it, and the same", async () => {
  const bus = new Bus();
  const [one, other] = [bus.add(), bus.add()];
  const seen: number[] = [];
  other.log.listen(({ event }) => event.kind === "revision" && seen.push(event.revision.id));
  const outcome = await put(one, "1");
  assert.equal(outcome.kind, "applied");
  assert.equal(textOf(other.catalog.state(key)?.slots[0]?.api?.resource), "1");
  await put(other, "2");
  await one.submit(() => one.writer.rollback(1, { who: "me", nowMs: 2 }));
  assert.equal(textOf(other.catalog.state(key)?.slots[0]?.api?.resource), "1");
  assert.deepEqual(seen, [1, 2, 3]);
  bus.agree();
});

Deno.test("an operation that was overtaken runs again, on what the other did", async () => {
  const bus = new Bus();
  const [one, other] = [bus.add(), bus.add()];
  await put(one, "1");
  const version = textResource("a", { text: "1" }).version;
  bus.overtaking = () => Promise.resolve(put(other, "2"));
  assert.equal((await put(one, "3", version)).kind, "conflict");
  bus.overtaking = () => Promise.resolve(put(other, "4"));
  assert.equal((await put(one, "5")).kind, "applied");
  assert.equal(one.writer.revision, 4);
  bus.agree();
});

Deno.test("what a file says is new to the replica that sees it first only", async () => {
  const bus = new Bus();
  const [one, other] = [bus.add(), bus.add()];
  assert.equal((await file(one, "1")).kind, "applied");
  assert.equal((await file(other, "1")).kind, "unchanged");
  assert.equal((await file(other, "2")).kind, "applied");
  assert.equal((await file(one, "2", 7)).kind, "unchanged");
  assert.equal(other.catalog.state({ ...key, name: "f" })?.slots[0]?.files?.place.line, 7);
  assert.equal(one.writer.revision, 2);
  assert.equal(other.files.expectsFiles, true);
  bus.agree();
});

Deno.test("endpoints make way, are renewed and expire everywhere", async () => {
  const bus = new Bus();
  const [one, other] = [bus.add(), bus.add()];
  const expired: string[] = [];
  one.log.listen(({ event }) => {
    if (event.kind === "endpoint") expired.push(`${event.what} ${event.id}`);
  });
  await one.submit(() => one.endpoints.register(endpoint("a", 1)));
  await other.submit(() => other.endpoints.register(endpoint("b", 1)));
  await one.submit(() => one.endpoints.register(endpoint("c", 2)));
  assert.deepEqual([...one.endpoints.list()].map(({ id }) => id), ["b", "c"]);
  const verdict = { cluster: "c", address: "10.0.0.1", port: 2, health: "degraded" } as const;
  await other.submit(() => other.endpoints.setHealth([{ ...verdict, ttlMs: 60_000 }]));
  assert.equal(one.endpoints.get("c", "c")?.verdict, "degraded");
  for (let second = 1; second <= 6; second++) {
    bus.clock.advance(1000);
    await other.submit(() => other.endpoints.register(endpoint("c", 2)));
    await Promise.all(bus.configurations.map((each) => each.tick()));
  }
  assert.deepEqual([...other.endpoints.list()].map(({ id }) => id), ["c"]);
  assert.deepEqual(expired, [
    ...["registered a", "deregistered a", "registered b", "registered c", "expired b"],
  ]);
  bus.agree();
});

Deno.test("a replica that was away has everything when it is back, and shows what differs", async () => {
  const bus = new Bus();
  const [one, other] = [bus.add(), bus.add()];
  await put(one, "1");
  await file(one, "1");
  await one.submit(() => one.endpoints.register(endpoint("a", 1)));
  const away = bus.replicas.splice(1, 1);
  await put(one, "2");
  await one.submit(() => one.endpoints.deregister("c", "a"));
  await one.submit(() => one.endpoints.register(endpoint("b", 1)));
  const audience = testSelector("id=edge");
  const entry = { resource: textResource("z"), who: "me", atMs: 1 };
  const edits: readonly SlotEdit[] = [
    { key: { ...key, name: "z" }, selector: everyNode, layer: "api", entry },
  ];
  const request = { source: "api", who: "me", summary: "", edits, policy: "warn" } as const;
  await one.submit(() =>
    one.rolloutControl.start(request, { audience, rules: defaultRolloutRules })
  );
  bus.replicas.push(...away);
  const revisions: number[] = [];
  other.log.listen(({ event }) => event.kind === "revision" && revisions.push(event.revision.id));
  const [all] = bus.replicas.map((replica) => replica.everything());
  if (all !== undefined) away[0]?.replace(all);
  assert.deepEqual(revisions, [3]);
  bus.agree();
  assert.equal(other.rollouts.active().length, 1);
  await other.submit(() => other.rolloutControl.decide("rollout-1", { kind: "promote", who: "x" }));
  assert.equal(one.rollouts.get("rollout-1")?.revision, 4);
  assert.equal(one.catalog.state({ ...key, name: "z" })?.slots[0]?.canary, undefined);
  bus.agree();
});

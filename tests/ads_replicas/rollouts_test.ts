// SPDX-License-Identifier: Apache-2.0
/**
 * Rollouts that replicas lead together on one Redis: what nodes of any of them say counts, and each is
 * decided once.
 * @module
 */
import assert from "node:assert/strict";
import { openReplica, type TestReplica } from "@denvoy/ads/replicas";
import { RecordingLogger } from "@denvoy/base/testing";
import { systemClock } from "@denvoy/runtime";
import { eventually, startRedis } from "../support/mod.ts";
import { onPort } from "../redis/store.ts";

const selectorOfAll = { key: "", priority: 0, specificity: -1, clauses: [] };
const key = { typeUrl: "type.googleapis.com/envoy.config.cluster.v3.Cluster", name: "web" };
const resource = { ...key, version: "v1", value: new Uint8Array([10, 0]), references: [] };

async function becomes(what: string, isSo: () => boolean): Promise<void> {
  await eventually(() => Promise.resolve(isSo()), { what, withinMs: 30_000 });
}

function statusAt({ configuration }: TestReplica): string | undefined {
  return configuration.rollouts.get("rollout-1")?.state.status.kind;
}

function revisionsAt({ configuration }: TestReplica): readonly number[] {
  return configuration.store.heads({ limit: 10 }).map(({ id }) => id);
}

async function start({ configuration }: TestReplica): Promise<void> {
  const { rolloutControl, submit } = configuration;
  const entry = { resource, who: "me", atMs: 1 };
  const edits = [{ key, selector: selectorOfAll, layer: "api", entry }] as const;
  const request = { source: "api", who: "me", summary: "s", edits, policy: "warn" } as const;
  const rules = { minAcks: "all", soakMs: 1, timeoutMs: 3_600_000, onTimeout: "revert" } as const;
  const outcome = await submit(() =>
    rolloutControl.start(request, { audience: selectorOfAll, rules })
  );
  assert.equal(outcome.kind, "started", JSON.stringify(outcome));
}

Deno.test("a rollout that one replica began is decided by nodes of all, once", async () => {
  await using redis = await startRedis();
  const parts = { clock: systemClock, logger: new RecordingLogger() };
  await using first = await openReplica(onPort(redis.port), parts);
  await using second = await openReplica(onPort(redis.port), parts);
  const both = [first, second];
  await start(first);
  await becomes("both to show the canary", () => both.every((each) => statusAt(each) === "canary"));
  assert.equal(second.configuration.catalog.state(key)?.slots[0]?.canary?.rollout, "rollout-1");
  const heard = ({ configuration }: TestReplica, kind: "sent" | "acked", node: string) =>
    configuration.rolloutControl.delivered({ kind, node, resources: [resource] });
  heard(first, "sent", "a");
  heard(second, "sent", "b");
  const nodesAt = ({ configuration }: TestReplica) =>
    Object.keys(configuration.rollouts.get("rollout-1")?.state.nodes ?? {}).sort();
  await becomes("both to await both", () => both.every((each) => nodesAt(each).join() === "a,b"));
  heard(first, "acked", "a");
  await Promise.all(both.map(({ configuration }) => configuration.tick()));
  assert.deepEqual(both.map(statusAt), ["canary", "canary"]);
  heard(second, "acked", "b");
  await becomes("both to promote", () => both.every((each) => statusAt(each) === "promoted"));
  await Promise.all(both.map(({ configuration }) => configuration.tick()));
  assert.deepEqual(both.map(revisionsAt), [[1], [1]]);
  for (const { configuration } of both) {
    assert.equal(configuration.catalog.state(key)?.slots[0]?.api?.resource.version, "v1");
    assert.equal(configuration.catalog.state(key)?.slots[0]?.canary, undefined);
  }
  await using late = await openReplica(onPort(redis.port), parts);
  assert.equal(statusAt(late), "promoted");
  assert.equal(late.configuration.writer.revision, 1);
});

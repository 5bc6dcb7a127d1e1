// SPDX-License-Identifier: Apache-2.0
/**
 * What every store promises.
 * @module
 */
import assert from "node:assert/strict";
import type { HealthChange, StoredVerdict } from "../domain/endpoint_record.ts";
import type { HealthStore } from "../domain/store.ts";

/** A verdict for tests. */
export const verdict: StoredVerdict = {
  ...{ cluster: "web", address: "10.0.0.1:80", health: "UNHEALTHY", found: "TIMEOUT" },
  ...{ sinceMs: 5, by: ["a", "b"] },
};

/** Returns a change of an endpoint to a health. */
export function change(port: number, after: HealthChange["after"]): HealthChange {
  return {
    ...{ cluster: "web", address: `10.0.0.1:${port}`, before: "UNKNOWN", after },
    ...{ reason: "found", by: ["a"], atMs: port },
  };
}

/** Puts a store that is empty to the test of the contract; leaves it empty but for its history. */
export async function keepsStoreContract(store: HealthStore): Promise<void> {
  store.write({ verdicts: [verdict], changes: [change(80, "HEALTHY")], removed: [] });
  await store.kept();
  assert.deepEqual(store.verdicts(), [verdict]);
  const newer = { ...verdict, health: "HEALTHY" as const };
  store.write({ verdicts: [newer], changes: [change(81, "TIMEOUT")], removed: [] });
  assert.deepEqual(store.verdicts(), [newer]);
  const after = (query: Parameters<HealthStore["changes"]>[0]) =>
    store.changes(query).map((item) => item.after);
  assert.deepEqual(after({ limit: 10 }), ["TIMEOUT", "HEALTHY"]);
  assert.deepEqual(after({ limit: 1 }), ["TIMEOUT"]);
  assert.deepEqual(after({ address: "10.0.0.1:80", limit: 9 }), ["HEALTHY"]);
  assert.deepEqual(after({ cluster: "other", limit: 9 }), []);
  store.write({ verdicts: [], changes: [], removed: [verdict] });
  await store.kept();
  assert.deepEqual(store.verdicts(), []);
  await keepsOrdersAndClusters(store);
}

async function keepsOrdersAndClusters(store: HealthStore): Promise<void> {
  const place = { cluster: "web", address: "10.0.0.1:80" };
  const order = { state: "draining", who: "ops", reason: "x", atMs: 7 } as const;
  store.setOrder({ ...place, order });
  await store.kept();
  assert.deepEqual(store.orders(), [{ ...place, order }]);
  store.setOrder({ ...place, order: undefined });
  await store.kept();
  assert.deepEqual(store.orders(), []);

  store.setCluster("a", "name: a");
  store.setCluster("a", "name: a # again");
  await store.kept();
  assert.deepEqual([...store.clusters()], [["a", "name: a # again"]]);
  store.setCluster("a", undefined);
  await store.kept();
  assert.deepEqual([...store.clusters()], []);
}

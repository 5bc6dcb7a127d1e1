// SPDX-License-Identifier: Apache-2.0
/**
 * What every store promises.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { HealthChange, StoredVerdict } from "../domain/endpoint_record.ts";
import { MemoryHealthStore } from "../domain/memory_store.ts";
import type { HealthStore } from "../domain/store.ts";
import { SqliteHealthStore } from "./sqlite_health_store.ts";

const verdict: StoredVerdict = {
  ...{ cluster: "web", address: "10.0.0.1:80", health: "UNHEALTHY", found: "TIMEOUT" },
  ...{ sinceMs: 5, by: ["a", "b"] },
};

function change(port: number, after: HealthChange["after"]): HealthChange {
  return {
    ...{ cluster: "web", address: `10.0.0.1:${port}`, before: "UNKNOWN", after },
    ...{ reason: "found", by: ["a"], atMs: port },
  };
}

const stores: readonly (readonly [string, (folder: string) => HealthStore])[] = [
  ["MemoryHealthStore", () => new MemoryHealthStore()],
  ["SqliteHealthStore", (folder) => new SqliteHealthStore(join(folder, "hds.db"))],
];

for (const [name, open] of stores) {
  Deno.test(`${name} keeps verdicts, history, orders and clusters`, async () => {
    const folder = await Deno.makeTempDir();
    const store = open(folder);
    try {
      store.write({ verdicts: [verdict], changes: [change(80, "HEALTHY")], removed: [] });
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
      assert.deepEqual(store.verdicts(), []);

      const place = { cluster: "web", address: "10.0.0.1:80" };
      const order = { state: "draining", who: "ops", reason: "x", atMs: 7 } as const;
      store.setOrder({ ...place, order });
      assert.deepEqual(store.orders(), [{ ...place, order }]);
      store.setOrder({ ...place, order: undefined });
      assert.deepEqual(store.orders(), []);

      store.setCluster("a", "name: a");
      store.setCluster("a", "name: a # again");
      assert.deepEqual([...store.clusters()], [["a", "name: a # again"]]);
      store.setCluster("a", undefined);
      assert.deepEqual([...store.clusters()], []);
    } finally {
      store.close();
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("SqliteHealthStore is there after a restart", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "hds.db");
    const store = new SqliteHealthStore(path);
    store.write({ verdicts: [verdict], changes: [change(80, "HEALTHY")], removed: [] });
    store.close();
    const again = new SqliteHealthStore(path);
    assert.deepEqual(again.verdicts(), [verdict]);
    assert.deepEqual(again.changes({ limit: 5 }), [change(80, "HEALTHY")]);
    again.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

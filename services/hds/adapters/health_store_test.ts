// SPDX-License-Identifier: Apache-2.0
/**
 * The stores of one process.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { MemoryHealthStore } from "../domain/memory_store.ts";
import type { HealthStore } from "../domain/store.ts";
import { change, keepsStoreContract, verdict } from "./health_store_contract.ts";
import { SqliteHealthStore } from "./sqlite_health_store.ts";

const stores: readonly (readonly [string, (folder: string) => HealthStore])[] = [
  ["MemoryHealthStore", () => new MemoryHealthStore()],
  ["SqliteHealthStore", (folder) => new SqliteHealthStore(join(folder, "hds.db"))],
];

for (const [name, open] of stores) {
  Deno.test(`${name} keeps verdicts, history, orders and clusters`, async () => {
    const folder = await Deno.makeTempDir();
    const store = open(folder);
    try {
      await keepsStoreContract(store);
    } finally {
      await store.close();
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

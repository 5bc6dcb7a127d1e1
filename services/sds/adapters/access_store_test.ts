// SPDX-License-Identifier: Apache-2.0
/** The contract of the stores of tokens and secrets, on those of one process. @module */
import { join } from "node:path";
import { silentLogger } from "@denvoy/base";
import { type AccessStore, MemoryAccessStore } from "../domain/access_store.ts";
import { accessStoreContract } from "./access_store_contract.ts";
import { SqliteAccessStore } from "./sqlite_access_store.ts";

const stores: readonly (readonly [string, (folder: string) => AccessStore])[] = [
  ["MemoryAccessStore", () => new MemoryAccessStore()],
  ["SqliteAccessStore", (folder) => new SqliteAccessStore(join(folder, "access.db"), silentLogger)],
];

for (const [name, open] of stores) {
  for (const [what, run] of Object.entries(accessStoreContract)) {
    Deno.test(`${name} ${what}`, async () => {
      const folder = await Deno.makeTempDir();
      try {
        using store = open(folder);
        await run(store);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}

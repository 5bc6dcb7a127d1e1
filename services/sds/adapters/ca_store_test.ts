// SPDX-License-Identifier: Apache-2.0
/** The contract of the CA's stores, on each of them. @module */
import { MemoryCaStore } from "../domain/ca/memory_ca_store.ts";
import { testCaStore } from "./ca_store_contract.ts";
import { SqliteCaStore } from "./sqlite_ca_store.ts";

/** A store whose file goes with it. */
class TemporaryCaStore extends SqliteCaStore {
  readonly #folder: string;

  /** In a folder of its own. */
  constructor(folder: string = Deno.makeTempDirSync()) {
    super(`${folder}/sds.db`);
    this.#folder = folder;
  }

  /** Closes and removes it. */
  [Symbol.dispose](): void {
    this.close();
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

testCaStore("MemoryCaStore", () => new MemoryCaStore());
testCaStore("SqliteCaStore", () => new TemporaryCaStore());

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { MemoryStore } from "../domain/memory_store.ts";
import { migrations } from "./sqlite_schema.ts";
import { SqliteStore } from "./sqlite_store.ts";
import { runStoreContract } from "./store_contract.ts";

class TemporaryStore implements Disposable {
  readonly #folder = Deno.makeTempDirSync();
  store: SqliteStore;

  constructor() {
    this.store = new SqliteStore(this.path, { keepRevisions: 3 });
  }

  get path(): string {
    return `${this.#folder}/ads.db`;
  }

  readonly reopen = (): SqliteStore => {
    this.store.close();
    this.store = new SqliteStore(this.path, { keepRevisions: 3 });
    return this.store;
  };

  [Symbol.dispose](): void {
    this.store.close();
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

Deno.test("SqliteStore keeps the contract of stores", async (t) => {
  await runStoreContract(t, () => {
    const temporary = new TemporaryStore();
    return Promise.resolve({
      store: temporary.store,
      commit: (batch) => Promise.resolve(temporary.store.commit(batch)),
      reopen: () => Promise.resolve(temporary.reopen()),
      [Symbol.asyncDispose]: () => Promise.resolve(temporary[Symbol.dispose]()),
    });
  });
});

Deno.test("MemoryStore keeps the contract of stores", async (t) => {
  await runStoreContract(t, () => {
    const store = new MemoryStore(3);
    return Promise.resolve({
      store,
      commit: (batch) => Promise.resolve(store.commit(batch)),
      reopen: () => Promise.resolve(store),
      [Symbol.asyncDispose]: () => Promise.resolve(store.close()),
    });
  });
});

Deno.test("SqliteStore says why it cannot open a file", async (t) => {
  await t.step("another process has it", () => {
    using held = new TemporaryStore();
    assert.throws(() => new SqliteStore(held.path), /ads\.db as another process has it open/);
  });
  await t.step("it is no database", () => {
    const path = Deno.makeTempFileSync();
    Deno.writeTextFileSync(path, "this is no database, but long enough to be looked at".repeat(50));
    assert.throws(
      () => new SqliteStore(path),
      /is damaged or no database: restore a backup, or move/,
    );
    Deno.removeSync(path);
  });
  await t.step("its folder is missing", () => {
    assert.throws(() => new SqliteStore("/nonexistent/ads.db"), /folder is missing/);
  });
  await t.step("it is from a newer version", () => {
    using temporary = new TemporaryStore();
    temporary.store.close();
    const database = new DatabaseSync(temporary.path);
    database.exec("PRAGMA user_version = 99");
    database.close();
    assert.throws(() => new SqliteStore(temporary.path), /newer version of Denvoy/);
    const mended = new DatabaseSync(temporary.path);
    mended.exec(`PRAGMA user_version = ${migrations.length}`);
    mended.close();
    temporary.store = new SqliteStore(temporary.path);
  });
});

Deno.test("SqliteStore.commit() writes all of a batch or nothing", () => {
  using temporary = new TemporaryStore();
  const revision = { id: 1, atMs: 0, who: "", source: "api", summary: "", changes: [] } as const;
  temporary.store.commit({ revision });
  const registered = [{ cluster: "c", id: "e" }] as never;
  assert.throws(() => temporary.store.commit({ registered, revision }), /cannot write .*ads\.db/);
  assert.deepEqual(temporary.store.load().registrations, []);
  temporary.store.commit({ revision: { ...revision, id: 2 } });
  assert.equal(temporary.reopen().load().lastRevision, 2);
});

Deno.test("SqliteStore keeps its file from other users", () => {
  using temporary = new TemporaryStore();
  assert.equal((Deno.statSync(temporary.path).mode ?? 0) & 0o777, 0o600);
});

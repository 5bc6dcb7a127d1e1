// SPDX-License-Identifier: Apache-2.0
/**
 * Verdicts, orders, history and clusters of the API in `hds.db`.
 * @module
 */
import { type Row, SqliteDatabase } from "@denvoy/runtime";
import {
  adminStates,
  type HealthChange,
  type Reason,
  type StoredVerdict,
} from "../domain/endpoint_record.ts";
import { type Health, healths } from "../domain/health.ts";
import {
  type ChangeQuery,
  type HealthStore,
  type HealthWrite,
  KEPT_CHANGES,
  type StoredOrder,
} from "../domain/store.ts";

/** The n-th script brings schema n-1 to n; one that was released is never changed. */
const migrations: readonly string[] = [
  `
  CREATE TABLE verdicts (
    cluster TEXT NOT NULL,
    address TEXT NOT NULL,
    health TEXT NOT NULL,
    found TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    by TEXT NOT NULL,
    PRIMARY KEY (cluster, address)
  ) WITHOUT ROWID;
  CREATE TABLE orders (
    cluster TEXT NOT NULL,
    address TEXT NOT NULL,
    state TEXT NOT NULL,
    who TEXT NOT NULL,
    reason TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (cluster, address)
  ) WITHOUT ROWID;
  CREATE TABLE clusters (
    name TEXT PRIMARY KEY,
    text TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    cluster TEXT NOT NULL,
    address TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    reason TEXT NOT NULL,
    by TEXT NOT NULL,
    at_ms INTEGER NOT NULL
  );
  CREATE INDEX changes_endpoint ON changes (cluster, address);
  `,
];

/** See {@linkcode HealthStore}. */
export class SqliteHealthStore implements HealthStore {
  readonly #database: SqliteDatabase;

  /** Opens or creates the file. @throws StatusError when it cannot be used */
  constructor(path: string) {
    this.#database = new SqliteDatabase(path, migrations);
  }

  /** See {@linkcode HealthStore.verdicts}. */
  verdicts(): readonly StoredVerdict[] {
    return this.#database.all("SELECT * FROM verdicts").map((row) => ({
      ...place(row),
      health: healthAt(row, "health"),
      found: healthAt(row, "found"),
      sinceMs: Number(row.since_ms),
      by: namesIn(row),
    }));
  }

  /** See {@linkcode HealthStore.orders}. */
  orders(): readonly StoredOrder[] {
    return this.#database.all("SELECT * FROM orders").map((row) => ({
      ...place(row),
      order: {
        state: adminStates.find((state) => state === row.state) ?? "down",
        who: String(row.who),
        reason: String(row.reason),
        atMs: Number(row.at_ms),
      },
    }));
  }

  /** See {@linkcode HealthStore.clusters}. */
  clusters(): ReadonlyMap<string, string> {
    const rows = this.#database.all("SELECT name, text FROM clusters ORDER BY name");
    return new Map(rows.map(({ name, text }) => [String(name), String(text)]));
  }

  /** See {@linkcode HealthStore.changes}. */
  changes({ cluster, address, limit }: ChangeQuery): readonly HealthChange[] {
    const rows = this.#database.all(
      "SELECT * FROM changes WHERE (? IS NULL OR cluster = ?) AND (? IS NULL OR address = ?) " +
        "ORDER BY id DESC LIMIT ?",
      [cluster ?? null, cluster ?? null, address ?? null, address ?? null, limit],
    );
    return rows.map((row) => ({
      ...place(row),
      before: healthAt(row, "before"),
      after: healthAt(row, "after"),
      reason: String(row.reason) as Reason,
      by: namesIn(row),
      atMs: Number(row.at_ms),
    }));
  }

  /** See {@linkcode HealthStore.write}. */
  write({ verdicts, changes, removed }: HealthWrite): void {
    const database = this.#database;
    database.transaction(() => {
      for (const { cluster, address } of removed) {
        database.run("DELETE FROM verdicts WHERE cluster = ? AND address = ?", [cluster, address]);
      }
      for (const { cluster, address, health, found, sinceMs, by } of verdicts) {
        database.run(
          "INSERT OR REPLACE INTO verdicts (cluster, address, health, found, since_ms, by) " +
            "VALUES (?, ?, ?, ?, ?, ?)",
          [cluster, address, health, found, sinceMs, JSON.stringify(by)],
        );
      }
      for (const { cluster, address, before, after, reason, by, atMs } of changes) {
        database.run(
          "INSERT INTO changes (cluster, address, before, after, reason, by, at_ms) " +
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
          [cluster, address, before, after, reason, JSON.stringify(by), atMs],
        );
      }
      if (changes.length > 0) {
        const sql = "DELETE FROM changes WHERE id <= (SELECT max(id) FROM changes) - ?";
        database.run(sql, [KEPT_CHANGES]);
      }
    });
  }

  /** See {@linkcode HealthStore.setOrder}. */
  setOrder({ cluster, address, order }: Parameters<HealthStore["setOrder"]>[0]): void {
    const database = this.#database;
    database.transaction(() => {
      database.run("DELETE FROM orders WHERE cluster = ? AND address = ?", [cluster, address]);
      if (order === undefined) return;
      const { state, who, reason, atMs } = order;
      database.run(
        "INSERT INTO orders (cluster, address, state, who, reason, at_ms) " +
          "VALUES (?, ?, ?, ?, ?, ?)",
        [cluster, address, state, who, reason, atMs],
      );
    });
  }

  /** See {@linkcode HealthStore.setCluster}. */
  setCluster(name: string, text: string | undefined): void {
    const database = this.#database;
    database.transaction(() => {
      if (text === undefined) database.run("DELETE FROM clusters WHERE name = ?", [name]);
      else database.run("INSERT OR REPLACE INTO clusters (name, text) VALUES (?, ?)", [name, text]);
    });
  }

  /** See {@linkcode HealthStore.kept}. */
  kept(): Promise<void> {
    return Promise.resolve();
  }

  /** See {@linkcode HealthStore.close}. */
  close(): void {
    this.#database.close();
  }
}

function place({ cluster, address }: Row): { readonly cluster: string; readonly address: string } {
  return { cluster: String(cluster), address: String(address) };
}

function healthAt(row: Row, column: string): Health {
  return healths.find((health) => health === row[column]) ?? "UNKNOWN";
}

function namesIn({ by }: Row): readonly string[] {
  const names: unknown = JSON.parse(String(by));
  return Array.isArray(names) ? names.map(String) : [];
}

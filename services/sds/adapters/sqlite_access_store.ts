// SPDX-License-Identifier: Apache-2.0
/**
 * What sds remembers beside the CA, in SQLite.
 * @module
 */
import { type Row, SqliteDatabase } from "@denvoy/runtime";
import type { AccessStore } from "../domain/access_store.ts";
import type { TokenRecord } from "../domain/access_tokens.ts";

const MIGRATIONS: readonly string[] = [`
  CREATE TABLE tokens (
    hash TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    identity TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE secrets (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
`];

/** Remembers in a file that has one owner. */
export class SqliteAccessStore implements AccessStore {
  readonly #database: SqliteDatabase;

  /** Opens or creates the file. @throws StatusError as {@linkcode SqliteDatabase} does. */
  constructor(path: string) {
    this.#database = new SqliteDatabase(path, MIGRATIONS);
  }

  /** See {@linkcode AccessStore.addToken}. */
  addToken({ hash, kind, identity, createdAtMs, expiresAtMs }: TokenRecord): void {
    const values = [hash, kind, identity, createdAtMs, expiresAtMs];
    this.#write("INSERT INTO tokens VALUES (?, ?, ?, ?, ?)", values);
  }

  /** See {@linkcode AccessStore.findToken}. */
  findToken(hash: string): TokenRecord | undefined {
    const row = this.#database.first("SELECT * FROM tokens WHERE hash = ?", [hash]);
    return row === undefined ? undefined : tokenRecord(row);
  }

  /** See {@linkcode AccessStore.takeToken}. */
  takeToken(hash: string): boolean {
    if (this.findToken(hash) === undefined) return false;
    this.#write("DELETE FROM tokens WHERE hash = ?", [hash]);
    return true;
  }

  /** See {@linkcode AccessStore.listTokens}. */
  listTokens(): readonly TokenRecord[] {
    return this.#database.all("SELECT * FROM tokens ORDER BY created_at_ms").map(tokenRecord);
  }

  /** See {@linkcode AccessStore.sealedSecrets}. */
  sealedSecrets(): ReadonlyMap<string, Uint8Array> {
    const rows = this.#database.all("SELECT name, sealed FROM secrets ORDER BY name");
    return new Map(
      rows.flatMap(({ name, sealed }) =>
        sealed instanceof Uint8Array ? [[String(name), new Uint8Array(sealed)] as const] : []
      ),
    );
  }

  /** See {@linkcode AccessStore.putSealedSecret}. */
  putSealedSecret(name: string, sealed: Uint8Array): void {
    this.#write("INSERT OR REPLACE INTO secrets VALUES (?, ?)", [name, sealed]);
  }

  /** See {@linkcode AccessStore.removeSealedSecret}. */
  removeSealedSecret(name: string): void {
    this.#write("DELETE FROM secrets WHERE name = ?", [name]);
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#database.close();
  }

  #write(sql: string, values: readonly (string | number | Uint8Array)[]): void {
    this.#database.transaction(() => this.#database.run(sql, values));
  }
}

function tokenRecord(row: Row): TokenRecord {
  return {
    hash: String(row.hash),
    kind: row.kind === "join" ? "join" : "node",
    identity: String(row.identity),
    createdAtMs: Number(row.created_at_ms),
    expiresAtMs: Number(row.expires_at_ms),
  };
}

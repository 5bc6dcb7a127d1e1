// SPDX-License-Identifier: Apache-2.0
/**
 * What sds remembers beside the CA, in SQLite.
 * @module
 */
import type { Logger } from "@denvoy/base";
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

const INSERT_TOKEN = "INSERT INTO tokens VALUES (?, ?, ?, ?, ?)";

/** Moments that a date can have: others cannot be told, and beyond 2^53 not even be read. */
const MOMENTS = "BETWEEN 0 AND 8640000000000000";
const READABLE = `created_at_ms ${MOMENTS} AND expires_at_ms ${MOMENTS}`;

/** Remembers in a file that has one owner. */
export class SqliteAccessStore implements AccessStore {
  readonly #database: SqliteDatabase;

  /**
   * Opens or creates the file. Tokens whose times cannot be read are passed over, which `logger` is told.
   * @throws StatusError as {@linkcode SqliteDatabase} does
   */
  constructor(path: string, logger: Logger) {
    this.#database = new SqliteDatabase(path, MIGRATIONS);
    const unreadable = this.#count(`NOT (${READABLE})`);
    if (unreadable > 0) logger.warn("kept tokens cannot be read", { file: path, unreadable });
  }

  /** See {@linkcode AccessStore.addToken}. */
  addToken(record: TokenRecord): void {
    this.#write(INSERT_TOKEN, valuesOf(record));
  }

  /** See {@linkcode AccessStore.findToken}. */
  findToken(hash: string): TokenRecord | undefined {
    const row = this.#database.first(
      `SELECT * FROM tokens WHERE hash = ? AND ${READABLE}`,
      [hash],
    );
    return row === undefined ? undefined : tokenRecord(row);
  }

  /** See {@linkcode AccessStore.exchangeToken}. */
  exchangeToken(hash: string, next: TokenRecord): boolean {
    if (this.findToken(hash) === undefined) return false;
    this.#database.transaction(() => {
      this.#database.run("DELETE FROM tokens WHERE hash = ?", [hash]);
      this.#database.run(INSERT_TOKEN, valuesOf(next));
    });
    return true;
  }

  /** See {@linkcode AccessStore.listTokens}. */
  listTokens(): readonly TokenRecord[] {
    const sql = `SELECT * FROM tokens WHERE ${READABLE} ORDER BY created_at_ms`;
    return this.#database.all(sql).map(tokenRecord);
  }

  /** See {@linkcode AccessStore.countTokens}. */
  countTokens(): number {
    return this.#count(READABLE);
  }

  /** See {@linkcode AccessStore.removeEndedTokens}. */
  removeEndedTokens(nowMs: number): void {
    if (this.#count("expires_at_ms <= ?", [nowMs]) === 0) return;
    this.#write("DELETE FROM tokens WHERE expires_at_ms <= ?", [nowMs]);
  }

  /** See {@linkcode AccessStore.removeTokensOf}. */
  removeTokensOf(identity: string): number {
    const count = this.#count("identity = ?", [identity]);
    if (count > 0) this.#write("DELETE FROM tokens WHERE identity = ?", [identity]);
    return count;
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

  /** There is nothing that is not in the file. */
  catchUp(): void {}

  /** Nobody else writes here. */
  subscribe(): () => void {
    return () => {};
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#database.close();
  }

  #count(condition: string, values: readonly (string | number)[] = []): number {
    const sql = `SELECT count(*) AS count FROM tokens WHERE ${condition}`;
    return Number(this.#database.first(sql, values)?.count ?? 0);
  }

  #write(sql: string, values: readonly (string | number | Uint8Array)[]): void {
    this.#database.transaction(() => this.#database.run(sql, values));
  }
}

function valuesOf({ hash, kind, identity, createdAtMs, expiresAtMs }: TokenRecord) {
  return [hash, kind, identity, createdAtMs, expiresAtMs];
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

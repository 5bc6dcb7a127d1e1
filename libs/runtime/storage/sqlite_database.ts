// SPDX-License-Identifier: Apache-2.0
/**
 * A SQLite file with one owner: opened exclusively, brought to the present schema, written in
 * transactions. What goes wrong is told as the file's name and what to do about it.
 * @module
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { StatusCode, StatusError } from "@denvoy/base";

/** A row; columns are named as in the statement. */
export type Row = Readonly<Record<string, unknown>>;

/** Values for the placeholders of a statement. */
export type Values = readonly SQLInputValue[];

/** An open database file. */
export class SqliteDatabase {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * Opens or creates the file. `migrations` are scripts; the n-th brings schema n-1 to n.
   * @throws StatusError when the file is in use, no database, damaged, or newer than this program.
   */
  constructor(path: string, migrations: readonly string[]) {
    this.#path = path;
    createPrivate(path);
    this.#database = this.#guard("open", () => {
      const database = new DatabaseSync(path);
      try {
        // One process owns the file: a second one is told at its start, not at its first write.
        database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;");
        database.exec("PRAGMA synchronous = NORMAL; BEGIN EXCLUSIVE; COMMIT;");
        return database;
      } catch (error) {
        database.close();
        throw error;
      }
    });
    this.#migrate(migrations);
  }

  /** Returns all rows. */
  all(sql: string, values: Values = []): readonly Row[] {
    return this.#guard("read", () => this.#statement(sql).all(...values));
  }

  /** Returns the first row. */
  first(sql: string, values: Values = []): Row | undefined {
    return this.#guard("read", () => this.#statement(sql).get(...values));
  }

  /** Runs a statement; within {@linkcode transaction}. */
  run(sql: string, values: Values = []): void {
    this.#statement(sql).run(...values);
  }

  /** Runs `write` as one transaction. @throws StatusError UNAVAILABLE when nothing was written. */
  transaction(write: () => void): void {
    this.#guard("write", () => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        write();
        this.#database.exec("COMMIT");
      } catch (error) {
        this.#rollback();
        throw error;
      }
    });
  }

  /** Closes the file; nothing may be called afterwards. */
  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #migrate(migrations: readonly string[]): void {
    const version = Number(this.first("PRAGMA user_version")?.user_version ?? 0);
    if (version > migrations.length) {
      const message = `cannot open ${this.#path} as its schema must be at most ` +
        `${migrations.length}: current value is ${version}, from a newer version of Denvoy`;
      this.close();
      throw new StatusError(StatusCode.FAILED_PRECONDITION, message);
    }
    for (const [index, script] of migrations.entries()) {
      if (index < version) continue;
      this.transaction(() => {
        this.#database.exec(script);
        this.#database.exec(`PRAGMA user_version = ${index + 1}`);
      });
    }
  }

  /** SQLite has rolled back by itself when the disk is full. */
  #rollback(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // There is no transaction any more, which is what is wanted.
    }
  }

  #guard<T>(action: "open" | "read" | "write", run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw statusErrorOf(error, { action, path: this.#path });
    }
  }
}

/** Secrets may be in it. SQLite gives its side files the mode of the file. */
function createPrivate(path: string): void {
  try {
    Deno.openSync(path, { createNew: true, write: true, mode: 0o600 }).close();
  } catch {
    // It is there already, or cannot be: then opening it says why.
  }
}

function statusErrorOf(
  error: unknown,
  { action, path }: { action: string; path: string },
): StatusError {
  if (error instanceof StatusError) return error;
  const { code, why } = explain(error, path);
  return new StatusError(code, `cannot ${action} ${path} as ${why}`, { cause: error });
}

/** Deno tells only SQLite's words (sqlite3_errstr), not its result code. */
function explain(error: unknown, path: string): { code: StatusCode; why: string } {
  const text = error instanceof Error ? error.message : "";
  const damaged = `it is damaged or no database: restore a backup, or move it away with ` +
    `${path}-wal to start empty`;
  const cases: readonly (readonly [RegExp, StatusCode, string])[] = [
    [/is locked/, StatusCode.UNAVAILABLE, "another process has it open"],
    [/not a database|malformed/, StatusCode.DATA_LOSS, damaged],
    [/disk is full/, StatusCode.UNAVAILABLE, "the disk is full"],
    [/readonly|read-only/, StatusCode.UNAVAILABLE, "it must not be written"],
    [/unable to open/, StatusCode.UNAVAILABLE, "its folder is missing or not accessible"],
  ];
  const [, code, why] = cases.find(([pattern]) => pattern.test(text)) ?? [];
  return { code: code ?? StatusCode.UNAVAILABLE, why: why ?? "SQLite failed: see the log" };
}

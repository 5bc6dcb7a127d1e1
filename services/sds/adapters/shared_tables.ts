// SPDX-License-Identifier: Apache-2.0
/**
 * What replicas of sds share, as a copy of all tables in memory that follows Redis. What makes somebody
 * lose a right (a revocation, a token that was used or ended) is never undone: where a Redis that has
 * lost the newest commits knows nothing of it any more, it is told again.
 * @module
 */
import { type Clock, type Logger, StatusCode, StatusError } from "@denvoy/base";
import {
  type LogCommit,
  type LogFollower,
  type LogSnapshot,
  type RedisLink,
  SharedLog,
} from "@denvoy/redis";

/** The tables: the state of the CA, sealed values, secrets of the API, tokens, what is revoked. */
export const sharedTableNames = ["ca", "values", "secrets", "tokens", "revoked"] as const;

/** Name of a table. */
export type SharedTable = typeof sharedTableNames[number];

/** What a commit writes. */
export type SharedWrite = Partial<
  Record<SharedTable, { readonly put?: Record<string, string>; readonly remove?: string[] }>
>;

/** Fields of a table that differ from before. */
export interface SharedChange {
  /** The table. */
  readonly table: SharedTable;
  /** Those of its fields. */
  readonly fields: readonly string[];
  /** Whether this replica has written them, and knows. */
  readonly own: boolean;
}

/** What the tables are made of. */
export interface SharedTablesOptions {
  /** The connection for writing and looking; it is closed with the tables. */
  readonly link: RedisLink;
  /** A second one, on which commits of others are waited for; likewise. */
  readonly feed: RedisLink;
  /** Comes before the name of every key. */
  readonly keyPrefix: string;
  /** Time. */
  readonly clock: Clock;
  /** Told of what could not be written. */
  readonly logger: Logger;
  /** Told that Redis went away, and why; or, with undefined, that all is known again. */
  readonly onTrouble: (trouble: string | undefined) => void;
}

/** Commits of others that came first so often are a mistake. */
const MAX_TRIES = 100;
/** Tokens that ended are remembered, so that none comes back; more than may be kept of those that live. */
const MAX_ENDED = 200_000;

/** The tables of one replica. */
export class SharedTables implements LogFollower, AsyncDisposable {
  readonly #options: SharedTablesOptions;
  readonly #log: SharedLog;
  readonly #copy = new Map<SharedTable, Map<string, string>>(
    sharedTableNames.map((name) => [name, new Map()]),
  );
  readonly #listeners = new Set<(change: SharedChange) => void>();
  /** Notes of commits under way here. */
  readonly #own = new Set<string>();
  readonly #ended = new Set<string>();
  /** What Redis has lost and is to be told again. */
  #owed: SharedWrite | undefined;
  #awaySinceMs: number | undefined;
  #wasReset = false;

  /** Nothing is asked before {@linkcode open}. */
  constructor(options: SharedTablesOptions) {
    const { link, feed, keyPrefix, clock } = options;
    this.#options = options;
    this.#awaySinceMs = clock.nowMs();
    this.#log = new SharedLog({
      link,
      feed,
      keyPrefix: `${keyPrefix}{denvoy_sds}`,
      tables: sharedTableNames,
      follower: this,
      clock,
    });
  }

  /** Resolves when all is known, however long Redis is away. */
  open(): Promise<void> {
    return this.#log.open();
  }

  /** How many commits there were. */
  get sequence(): number {
    return this.#log.sequence;
  }

  /** Differs after Redis has lost data. */
  get epoch(): string {
    return this.#log.epoch;
  }

  /** Since when Redis is away; undefined while it is there. */
  get awaySinceMs(): number | undefined {
    return this.#awaySinceMs;
  }

  /** Returns a text as it was read last. */
  get(table: SharedTable, field: string): string | undefined {
    return this.#copy.get(table)?.get(field);
  }

  /** Returns a table as it was read last. */
  all(table: SharedTable): ReadonlyMap<string, string> {
    return this.#copy.get(table) ?? new Map();
  }

  /** Reads what others have written so far. Rejects with StatusError UNAVAILABLE. */
  catchUp(): Promise<void> {
    return this.#log.catchUp();
  }

  /**
   * Writes what `decide` returns from all that is written so far, or nothing where it returns undefined;
   * resolves with whether something was written. It is asked again where others were faster. Rejects
   * with StatusError UNAVAILABLE.
   */
  async change(decide: () => SharedWrite | undefined): Promise<boolean> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const at = this.#log.sequence;
      const write = decide();
      if (write === undefined) return false;
      if (await this.#append(write, at)) return true;
    }
    const message = "cannot be written as others were faster each time: try again";
    throw new StatusError(StatusCode.UNAVAILABLE, message);
  }

  /** Calls `listener` after each change until the returned function is called. */
  subscribe(listener: (change: SharedChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** See {@linkcode LogFollower.reset}. */
  reset({ tables }: LogSnapshot): void {
    const owed = this.#wasReset ? this.#lostRights(tables) : undefined;
    const changes: SharedChange[] = [];
    for (const table of sharedTableNames) {
      const before = this.all(table);
      const now = new Map([
        ...tables.get(table) ?? [],
        ...Object.entries(owed?.[table]?.put ?? {}),
      ]);
      for (const field of owed?.[table]?.remove ?? []) now.delete(field);
      this.#copy.set(table, now);
      const names = new Set([...before.keys(), ...now.keys()]);
      const fields = [...names].filter((name) => before.get(name) !== now.get(name));
      if (fields.length > 0) changes.push({ table, fields, own: false });
    }
    this.#wasReset = true;
    this.#tell(changes);
    if (owed === undefined) return;
    this.#owed = owed;
    void this.#payOwed();
  }

  /** See {@linkcode LogFollower.take}. */
  take({ tables, note = "" }: LogCommit): void {
    const own = this.#own.has(note);
    const changes: SharedChange[] = [];
    for (const table of sharedTableNames) {
      const { put = {}, remove = [] } = tables[table] ?? {};
      const copy = this.#copy.get(table);
      if (copy === undefined) continue;
      const removed = remove.filter((field) => copy.delete(field));
      if (table === "tokens") this.#rememberEnded(removed);
      for (const [field, text] of Object.entries(put)) copy.set(field, text);
      const fields = [...removed, ...Object.keys(put)];
      if (fields.length > 0) changes.push({ table, fields, own });
    }
    this.#tell(changes);
  }

  /** See {@linkcode LogFollower.everything}. */
  everything(): LogCommit["tables"] {
    return Object.fromEntries(
      sharedTableNames.map((table) => [
        table,
        { put: Object.fromEntries(this.all(table)), remove: [] },
      ]),
    );
  }

  /** See {@linkcode LogFollower.heard}. */
  heard(trouble: string | undefined): void {
    this.#awaySinceMs = trouble === undefined
      ? undefined
      : this.#awaySinceMs ?? this.#options.clock.nowMs();
    this.#options.onTrouble(trouble);
    if (trouble === undefined) void this.#payOwed();
  }

  /** Follows no more, and closes the connections. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#log.close();
  }

  async #append(write: SharedWrite, at: number): Promise<boolean> {
    const note = crypto.randomUUID();
    this.#own.add(note);
    try {
      const tables = Object.fromEntries(
        Object.entries(write).map((
          [name, { put = {}, remove = [] }],
        ) => [name, { put, remove }]),
      );
      return (await this.#log.append({ tables, note }, at)).kind === "kept";
    } finally {
      // One of which nobody knows whether it was kept is news when it comes after all.
      this.#own.delete(note);
    }
  }

  #tell(changes: readonly SharedChange[]): void {
    for (const change of changes) {
      for (const listener of this.#listeners) {
        try {
          listener(change);
        } catch (error) {
          this.#options.logger.error("listener failed", { error });
        }
      }
    }
  }

  #rememberEnded(hashes: readonly string[]): void {
    for (const hash of hashes) this.#ended.add(hash);
    for (const oldest of this.#ended) {
      if (this.#ended.size <= MAX_ENDED) return;
      this.#ended.delete(oldest);
    }
  }

  /** Returns what would give rights back that were lost, put right. */
  #lostRights(tables: LogSnapshot["tables"]): SharedWrite | undefined {
    const revoked = [...this.all("revoked")].filter(([serial]) =>
      tables.get("revoked")?.has(serial) !== true
    );
    const ended = [...this.#ended].filter((hash) => tables.get("tokens")?.has(hash));
    if (revoked.length === 0 && ended.length === 0) return undefined;
    return { revoked: { put: Object.fromEntries(revoked) }, tokens: { remove: ended } };
  }

  async #payOwed(): Promise<void> {
    const owed = this.#owed;
    if (owed === undefined) return;
    try {
      await this.change(() => owed);
      if (this.#owed === owed) this.#owed = undefined;
    } catch (error) {
      this.#options.logger.warn("Redis has lost revocations, and cannot be told them yet", {
        error,
      });
    }
  }
}

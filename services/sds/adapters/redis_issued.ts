// SPDX-License-Identifier: Apache-2.0
/**
 * The certificates that replicas have issued, in Redis. While that is away, certificates of the usual
 * life may still be handed out, for a while: they are written down when it is back, as are those of this
 * replica that Redis has lost.
 * @module
 */
import { type Clock, type Logger, StatusCode, StatusError } from "@denvoy/base";
import { askRedis, type RedisLink } from "@denvoy/redis";
import type { IssuedQuery, StoredCertificate } from "../domain/ca/ca_store.ts";
import {
  addIssuedScript,
  forgetIssuedScript,
  issuedKeyNames,
  listIssuedScript,
} from "./issued_scripts.ts";
import type { SharedTables } from "./shared_tables.ts";

/** What it works with. */
export interface RedisIssuedOptions {
  /** The connection; whoever opened it closes it. */
  readonly link: RedisLink;
  /** Comes before the name of every key. */
  readonly keyPrefix: string;
  /** Knows whether Redis is there. */
  readonly tables: Pick<SharedTables, "awaySinceMs" | "epoch">;
  /** How long certificates are handed out while Redis is away. */
  readonly withoutRedisMs: number;
  /** The longest life of those. */
  readonly maxLifeMs: number;
  /** Time. */
  readonly clock: Clock;
  /** Told of what is not written down yet. */
  readonly logger: Logger;
}

/** Certificates that wait to be written down; more are not handed out. */
const MAX_UNWRITTEN = 100_000;
/** Certificates of this replica that are remembered. */
const MAX_OWN = 200_000;
const WRITTEN_AT_ONCE = 500;
const LISTED_AT_ONCE = 1000;
const FORGOTTEN_AT_ONCE = 1000;

/** All that was issued by all replicas. */
export class RedisIssued {
  readonly #options: RedisIssuedOptions;
  readonly #keys: readonly string[];
  readonly #unwritten = new Map<string, StoredCertificate>();
  /** Of this replica, while they live, with the epoch that they were written down in: Redis may lose them. */
  readonly #own = new Map<string, { readonly record: StoredCertificate; readonly epoch: string }>();
  readonly #last = new Map<string, number>();
  /** Since when nothing could be written, though Redis may answer. */
  #failingSinceMs: number | undefined;
  #writing: Promise<void> | undefined;

  /** Asks nothing yet. */
  constructor(options: RedisIssuedOptions) {
    this.#options = options;
    this.#keys = issuedKeyNames.map((name) => `${options.keyPrefix}{denvoy_sds}:${name}`);
  }

  /** Certificates that are not written down yet. */
  get unwritten(): number {
    return this.#unwritten.size;
  }

  /** Writes a certificate down; rejects with StatusError UNAVAILABLE when it must not be handed out. */
  async add(record: StoredCertificate): Promise<void> {
    try {
      if (this.#options.tables.awaySinceMs !== undefined) throw new Error("Redis is away");
      await this.#write([record]);
    } catch (error) {
      this.#checkWithoutRedis(record, error);
      this.#unwritten.set(record.serial, record);
      const { serial, names, notAfterMs } = record;
      const notAfter = new Date(notAfterMs).toISOString();
      this.#options.logger.warn("certificate is issued while Redis is away", {
        ...{ serial, names, notAfter },
      });
    }
    this.#remember(record);
  }

  /** Writes down what waits, and what Redis has lost; never rejects. */
  async flush(): Promise<void> {
    const { tables: { epoch }, logger } = this.#options;
    for (const [serial, { record, epoch: written }] of this.#own) {
      if (written !== epoch) this.#unwritten.set(serial, record);
    }
    this.#writing ??= this.#writeAll()
      .catch((error) => logger.warn("cannot write issued certificates down yet", { error }))
      .finally(() => this.#writing = undefined);
    await this.#writing;
  }

  /** Returns a certificate by its serial number. */
  async find(serial: string): Promise<StoredCertificate | undefined> {
    const waiting = this.#unwritten.get(serial);
    if (waiting !== undefined) return waiting;
    const text = await this.#ask("HGET", [this.#keys[0] ?? "", serial]);
    return typeof text === "string" ? readRecord(text) : undefined;
  }

  /** Returns certificates, newest first; those that wait are the newest. */
  async list({ nowMs, name, limit }: IssuedQuery): Promise<readonly StoredCertificate[]> {
    const isWanted = (record: StoredCertificate) =>
      record.notAfterMs > nowMs && (name === undefined || record.names.includes(name));
    const listed = [...this.#unwritten.values()].reverse().filter(isWanted);
    for (let from = 0; listed.length < limit; from += LISTED_AT_ONCE) {
      const texts = await this.#script(listIssuedScript, [from, from + LISTED_AT_ONCE - 1]);
      if (!Array.isArray(texts) || texts.length === 0) break;
      const records = texts.flatMap((text) => typeof text === "string" ? readRecord(text) : []);
      listed.push(...records.filter(isWanted));
    }
    return listed.slice(0, limit);
  }

  /** Returns the latest end of a certificate of the authority, as far as is known. */
  async lastNotAfterMs(authorityId: string): Promise<number> {
    let last = this.#last.get(authorityId) ?? 0;
    for (const record of this.#unwritten.values()) {
      if (record.authorityId === authorityId) last = Math.max(last, record.notAfterMs);
    }
    if (this.#options.tables.awaySinceMs !== undefined) return last;
    const text = await this.#ask("HGET", [this.#keys[3] ?? "", authorityId]);
    last = Math.max(last, Number(text ?? 0));
    this.#last.set(authorityId, last);
    return last;
  }

  /** Forgets certificates that ended before the moment; returns how many. */
  async forgetEndedBefore(atMs: number): Promise<number> {
    for (const [serial, { record }] of this.#own) {
      if (record.notAfterMs >= atMs) continue;
      this.#own.delete(serial);
      this.#unwritten.delete(serial);
    }
    if (this.#options.tables.awaySinceMs !== undefined) return 0;
    let forgotten = 0;
    for (;;) {
      const count = Number(await this.#script(forgetIssuedScript, [atMs, FORGOTTEN_AT_ONCE]));
      forgotten += count;
      if (count < FORGOTTEN_AT_ONCE) return forgotten;
    }
  }

  #remember(record: StoredCertificate): void {
    this.#own.set(record.serial, { record, epoch: this.#options.tables.epoch });
    const [oldest] = this.#own.keys();
    if (this.#own.size > MAX_OWN && oldest !== undefined) this.#own.delete(oldest);
  }

  #checkWithoutRedis({ notBeforeMs, notAfterMs }: StoredCertificate, cause: unknown): void {
    const { tables, clock, withoutRedisMs, maxLifeMs } = this.#options;
    const refuse = (rule: string) => {
      const message = `cannot issue certificate while Redis is away as ${rule}: try again when ` +
        "/readyz says that redis is ok";
      return new StatusError(StatusCode.UNAVAILABLE, message, { cause });
    };
    const nowMs = clock.nowMs();
    this.#failingSinceMs ??= tables.awaySinceMs ?? nowMs;
    const awayMs = nowMs - Math.min(this.#failingSinceMs, tables.awaySinceMs ?? nowMs);
    if (awayMs >= withoutRedisMs) {
      throw refuse(
        `that may last ${withoutRedisMs} ms (--issue-without-redis): lasts ${awayMs} ms`,
      );
    }
    const lifeMs = notAfterMs - Math.max(notBeforeMs, nowMs);
    if (lifeMs > maxLifeMs) {
      throw refuse(`its life must be at most ${maxLifeMs} ms: is ${lifeMs} ms`);
    }
    if (this.#unwritten.size >= MAX_UNWRITTEN) {
      throw refuse(`at most ${MAX_UNWRITTEN} may wait to be written down`);
    }
  }

  async #writeAll(): Promise<void> {
    while (this.#unwritten.size > 0 && this.#options.tables.awaySinceMs === undefined) {
      const batch = [...this.#unwritten.values()].slice(0, WRITTEN_AT_ONCE);
      await this.#write(batch);
      for (const record of batch) {
        this.#unwritten.delete(record.serial);
        this.#remember(record);
      }
    }
  }

  async #write(records: readonly StoredCertificate[]): Promise<void> {
    const args = records.flatMap((record) => [
      ...[record.serial, JSON.stringify(record), record.notAfterMs, record.authorityId],
    ]);
    await this.#script(addIssuedScript, args);
    this.#failingSinceMs = undefined;
  }

  #script(script: string, args: readonly (string | number)[]): Promise<unknown> {
    return this.#ask("EVAL", [script, this.#keys.length, ...this.#keys, ...args]);
  }

  async #ask(command: string, args: readonly (string | number)[]): Promise<unknown> {
    const { link, clock } = this.#options;
    const [key = ""] = this.#keys;
    try {
      return await askRedis(link, { command, args, key, clock });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      const message = `cannot ask Redis (${why}): try again when /readyz says that redis is ok`;
      throw new StatusError(StatusCode.UNAVAILABLE, message, { cause });
    }
  }
}

/** Reads a certificate as it is kept. */
export function readRecord(text: string): StoredCertificate {
  return JSON.parse(text) as StoredCertificate;
}

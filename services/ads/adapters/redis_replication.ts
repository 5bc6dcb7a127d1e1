// SPDX-License-Identifier: Apache-2.0
/**
 * Replicas of ads on one Redis. An operation is tried on what this replica has; what it proposes is
 * written if no other replica came first, else it is tried again on what that one did. Heartbeats and
 * what nodes say to rollouts are gathered for a moment, so that many cost one commit.
 * @module
 */
import { type Clock, type Logger, StatusCode, StatusError, type Timer } from "@denvoy/base";
import {
  type LogCommit,
  type LogFollower,
  type LogSnapshot,
  type RedisLink,
  SharedLog,
} from "@denvoy/redis";
import { ProposingStore } from "../domain/proposing_store.ts";
import type { Replica } from "../domain/replica.ts";
import type { Replication } from "../domain/replication.ts";
import type { RolloutEvent } from "../domain/rollout.ts";
import type { StoreBatch } from "../domain/store.ts";
import { RedisTables, tableNames } from "./redis_tables.ts";

/** What a replication works with. */
export interface RedisReplicationOptions {
  /** The connection for writing; it is closed with this. */
  readonly link: RedisLink;
  /** A second one, for waiting; likewise. */
  readonly feed: RedisLink;
  /** Comes before the name of every key; replicas with the same one belong together. */
  readonly keyPrefix: string;
  /** How many revisions are kept. */
  readonly keepRevisions: number;
  /** Time. */
  readonly clock: Clock;
  /** Where defects are logged. */
  readonly logger: Logger;
  /**
   * How long an empty Redis is waited on, in case that it has lost its data and replicas that run bring
   * them back.
   */
  readonly emptyWaitMs: number;
  /** Called when Redis goes away, with the reason, and when all is known again, without. */
  readonly onState?: (trouble: string | undefined) => void;
}

/** Operations that may wait for others. */
const MAX_WAITING = 10_000;
/** Of several replicas that write at once some replica always gets ahead; so often not this one. */
const MAX_ATTEMPTS = 100;
const GATHER_MS = 100;
/** Events of rollouts that wait while Redis is away; what is beyond is decided by their timeout. */
const MAX_EVENTS = 10_000;

/** See the module. */
export class RedisReplication implements Replication {
  /** This replica's copy of what all have agreed on. */
  readonly store: ProposingStore;
  readonly #options: RedisReplicationOptions;
  readonly #log: SharedLog;
  readonly #tables: RedisTables;
  #replica: Replica | undefined;
  /** The commit under way, with what it says. */
  #own: { readonly commit: LogCommit; readonly batch: StoreBatch } | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #conflicts = 0;
  #renewed = new Map<string, { readonly cluster: string; readonly id: string }>();
  #events: { readonly rollout: string; readonly event: RolloutEvent }[] = [];
  #gathering: Timer | undefined;
  #sending: Promise<void> = Promise.resolve();
  #closed = false;

  /** Nothing is read before {@linkcode RedisReplication.open}. */
  constructor(options: RedisReplicationOptions) {
    this.#options = options;
    const { link, feed, clock, keyPrefix, keepRevisions } = options;
    const prefix = `${keyPrefix}{denvoy_ads}`;
    this.store = new ProposingStore(keepRevisions);
    this.#tables = new RedisTables({
      oldestRevision: () => this.store.oldestRevision(),
      content: (version, name) => this.store.content(version, name),
      rollout: (id) => this.#replica?.rollout(id),
    });
    const tables = { keyPrefix: prefix, tables: tableNames };
    this.#log = new SharedLog({ link, feed, clock, follower: this.#follower(), ...tables });
  }

  /** Resolves when `replica` has all that there is; waits for Redis for as long as that takes. */
  async open(replica: Replica): Promise<void> {
    this.#replica = replica;
    await this.#log.open();
    const { clock, emptyWaitMs } = this.#options;
    if (this.#log.sequence > 0) return;
    await new Promise<void>((resolve) => void clock.after(emptyWaitMs, resolve));
  }

  /** How many commits this replica has taken, of all that there ever were. */
  get sequence(): number {
    return this.#log.sequence;
  }

  /** How often another replica came first and an operation was tried again. */
  get conflicts(): number {
    return this.#conflicts;
  }

  /** What stays the same for as long as nothing that replicas share is lost; empty at the very first. */
  get epoch(): string {
    return this.#log.epoch;
  }

  /** See {@linkcode Replication.available}. */
  get available(): boolean {
    return this.#log.trouble === undefined;
  }

  /** See {@linkcode Replication.submit}. */
  submit<T>(operation: () => T): Promise<T> {
    if (this.#waiting >= MAX_WAITING) {
      const message = `cannot take a change as ${MAX_WAITING} wait already: try again later`;
      return Promise.reject(new StatusError(StatusCode.RESOURCE_EXHAUSTED, message));
    }
    this.#waiting++;
    const result = this.#last.then(() => this.#run(operation)).finally(() => this.#waiting--);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** See {@linkcode Replication.renewed}. */
  renewed(cluster: string, id: string): void {
    const { trouble } = this.#log;
    if (trouble !== undefined) {
      const message =
        `cannot tell other replicas as Redis is away (${trouble}): no endpoint expires ` +
        "meanwhile; try again";
      throw new StatusError(StatusCode.UNAVAILABLE, message);
    }
    this.#renewed.set(JSON.stringify([cluster, id]), { cluster, id });
    this.#gather();
  }

  /** See {@linkcode Replication.heard}. */
  heard(rollout: string, event: RolloutEvent): void {
    this.#events.push({ rollout, event });
    if (this.#events.length > MAX_EVENTS) this.#events.shift();
    this.#gather();
  }

  /** Waits for what is under way and closes the connections. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#gathering?.cancel();
    await this.#sending;
    await this.#last;
    await this.#log.close();
  }

  async #run<T>(operation: () => T): Promise<T> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const { sequence } = this.#log;
      const { result, batch } = this.store.propose(operation);
      if (batch === undefined) return result;
      const commit = this.#tables.encode(batch, sequence + 1);
      this.#own = { commit, batch };
      const { kind } = await this.#log.append(commit, sequence);
      if (kind === "kept") return result;
      this.#conflicts++;
    }
    const message = "cannot change anything as other replicas always came first: try again later";
    throw new StatusError(StatusCode.ABORTED, message);
  }

  #follower(): LogFollower {
    return {
      reset: (snapshot) => this.#reset(snapshot),
      take: (commit) => this.#take(commit),
      everything: () => this.#everything(),
      heard: (trouble) => {
        this.#options.onState?.(trouble);
        if (trouble === undefined && this.#renewed.size + this.#events.length > 0) this.#gather();
      },
    };
  }

  #reset(snapshot: LogSnapshot): void {
    this.#replica?.replace(this.#tables.decodeAll(snapshot));
  }

  #take(commit: LogCommit): void {
    const own = this.#own?.commit === commit ? this.#own.batch : undefined;
    const batch = own ?? this.#tables.decode(commit);
    this.#tables.took(commit);
    this.#replica?.take(batch);
  }

  #everything(): LogCommit["tables"] {
    const all = this.#replica?.everything();
    return all === undefined ? {} : this.#tables.encodeAll(all);
  }

  #gather(): void {
    if (this.#closed || this.#gathering !== undefined || !this.available) return;
    this.#gathering = this.#options.clock.after(GATHER_MS, () => {
      this.#gathering = undefined;
      this.#sending = this.#sending.then(() => this.#send());
    });
  }

  /** Never rejects: what could not be sent is sent when Redis is back. */
  async #send(): Promise<void> {
    const renewed = this.#renewed;
    const events = Map.groupBy(this.#events, ({ rollout }) => rollout);
    this.#renewed = new Map();
    this.#events = [];
    try {
      if (renewed.size > 0) {
        const commit = this.#tables.encode({ renewed: [...renewed.values()] }, 0);
        await this.#log.append(commit, "anywhere");
      }
      renewed.clear();
      for (const [id, each] of events) {
        await this.submit(() => this.#replica?.propose(id, each.map(({ event }) => event)));
        events.delete(id);
      }
    } catch (error) {
      this.#options.logger.debug("cannot tell other replicas yet", { error });
      for (const [text, endpoint] of renewed) this.#renewed.set(text, endpoint);
      this.#events = [...[...events.values()].flat(), ...this.#events].slice(-MAX_EVENTS);
    }
  }
}

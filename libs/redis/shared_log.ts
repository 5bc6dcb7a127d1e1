// SPDX-License-Identifier: Apache-2.0
/**
 * State that replicas share through Redis: tables of texts that change by commits, which every replica
 * takes in the same order. A commit is kept only if nobody else's came before it that its author did
 * not know (optimistic concurrency), so that none is lost and nobody needs to lead. A replica that was
 * away goes on after the last commit that it has, or reads all anew where too many are missing. A Redis
 * that has lost its data gets it again from the replicas.
 * @module
 */
import { type Clock, StatusCode, StatusError } from "@denvoy/base";
import { askRedis } from "./ask_redis.ts";
import { flatFields } from "./flat_fields.ts";
import type { RedisLink } from "./redis_link.ts";
import { appendScript, loadScript, restoreScript } from "./shared_log_scripts.ts";

/** What a commit does to one table. */
export interface TableChange {
  /** Texts by field. */
  readonly put: Readonly<Record<string, string>>;
  /** Fields that go. */
  readonly remove: readonly string[];
}

/** What one commit writes, all of it or nothing. */
export interface LogCommit {
  /** By the name of the table; those that are not named stay as they are. */
  readonly tables: Readonly<Record<string, TableChange>>;
  /** What replicas are told besides; it is in no table, so that one that reads all anew misses it. */
  readonly note?: string;
}

/** All tables after some commit. */
export interface LogSnapshot {
  /** How many commits there were. */
  readonly sequence: number;
  /** Texts by field, by the name of the table. */
  readonly tables: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** Who takes what replicas share. Nothing here may throw. */
export interface LogFollower {
  /** Takes all tables, in place of everything that it has. */
  reset(snapshot: LogSnapshot): void;
  /** Takes the next commit; its own ones, too. */
  take(commit: LogCommit, sequence: number): void;
  /** Returns all that it has, for a Redis that has lost it: `put` of each table. */
  everything(): LogCommit["tables"];
  /** Hears that Redis went away, and why; or, with undefined, that all is known again. */
  heard(trouble: string | undefined): void;
}

/** What came of a commit: `moved` means that others came first, whose commits were taken now. */
export type AppendOutcome = { readonly kind: "kept" | "moved" };

/** What a log is made of. */
export interface SharedLogOptions {
  /** The connection for writing and looking; it is closed with the log. */
  readonly link: RedisLink;
  /** A second one, on which the log waits for commits; likewise. */
  readonly feed: RedisLink;
  /** Comes before the name of every key; logs with the same one are the same. */
  readonly keyPrefix: string;
  /** Names of the tables. */
  readonly tables: readonly string[];
  /** Who takes the commits. */
  readonly follower: LogFollower;
  /** Time. */
  readonly clock: Clock;
}

interface Position {
  /** Undefined before the first look, and when all must be read anew. */
  readonly epoch: string | undefined;
  readonly sequence: number;
  /** Id of the last commit: a Redis that has lost some may have others of the same number. */
  readonly last: string;
}

/** Before the first look, and when all must be read anew. */
const UNKNOWN: Position = { epoch: undefined, sequence: 0, last: "" };

type Answer = readonly [
  ...[kept: number, epoch: string, sequence: number, last: string, before: string],
];
type StreamEntry = readonly [id: string, fields: readonly string[]];
type StreamEntries = readonly [stream: string, entries: readonly StreamEntry[]];
/** A map, which RESP3 has and ioredis gives flat, or the pairs of RESP2. */
type StreamAnswer = StreamEntries | readonly [StreamEntries] | null;

/** Commits that the stream keeps for those who were away for a moment. */
const KEPT_COMMITS = 10_000;
/** Octets of them at most. */
const KEPT_OCTETS = 16 * 2 ** 20;
/** How long one wait for commits lasts; then Redis is looked at, whether it still knows what we do. */
const WAIT_MS = 1_000;
const RETRY_MS = 250;
const READ_AT_ONCE = 200;

/** One log; see the module. */
export class SharedLog {
  readonly #options: SharedLogOptions;
  readonly #keys: readonly string[];
  #position = UNKNOWN;
  #trouble: string | undefined = "not asked yet";
  #looking: Promise<void> | undefined;
  #wake: () => void = () => {};
  #following: Promise<void> | undefined;
  #closed = false;

  /** Nothing is asked before {@linkcode SharedLog.open}. */
  constructor(options: SharedLogOptions) {
    this.#options = options;
    const { keyPrefix, tables, link, feed } = options;
    this.#keys = ["meta", "log", ...tables].map((name) => `${keyPrefix}:${name}`);
    for (const each of [link, feed]) each.onReady(() => this.#wake());
  }

  /** How many commits the follower has taken, of all that there ever were. */
  get sequence(): number {
    return this.#position.sequence;
  }

  /** What stays the same for as long as nothing of the log is lost; empty before the first commit. */
  get epoch(): string {
    return this.#position.epoch ?? "";
  }

  /** Why commits cannot be made; undefined while they can. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /**
   * Looks at Redis until the follower has all that is there, then follows it. Goes on trying for as
   * long as Redis is away; the follower hears of that. Resolves early when the log is closed.
   */
  async open(): Promise<void> {
    while (!this.#closed && !await this.#tryLook()) await this.#pause();
    this.#following ??= this.#follow();
  }

  /**
   * Makes a commit, if it may come next: at `options.at` commits, or with `anywhere` after whatever
   * others did. When it was kept the follower has taken it, and all before it.
   * @throws StatusError UNAVAILABLE while Redis is away; where it went away meanwhile, it says that
   * nobody can tell whether the commit was kept.
   */
  async append(commit: LogCommit, at: number | "anywhere"): Promise<AppendOutcome> {
    const { link } = this.#options;
    const trouble = this.#trouble ?? (link.ready() ? undefined : link.trouble());
    if (trouble !== undefined) throw away(trouble);
    const { epoch = "" } = this.#position;
    const place = at === "anywhere" ? "" : at;
    const limits = [KEPT_COMMITS, KEPT_OCTETS, ...this.#options.tables];
    const args = [epoch, place, crypto.randomUUID(), textOf(commit), ...limits];
    try {
      const answer = await this.#script(appendScript, args) as Answer;
      if (this.#isNext(answer, epoch)) this.#take(commit, positionOf(answer));
      else await this.#lookPast(answer);
      return { kind: answer[0] === 1 ? "kept" : "moved" };
    } catch (error) {
      const why = messageOf(error);
      this.#hear(why);
      throw isRefusal(error) ? away(why, error) : unsure(why, error);
    }
  }

  /** Brings the follower up to all that Redis has. Rejects with StatusError UNAVAILABLE while it is away. */
  async catchUp(): Promise<void> {
    if (this.#trouble !== undefined) throw away(this.#trouble);
    try {
      // One that is under way may have begun before what the caller has heard of.
      await this.#looking;
      await this.#look();
    } catch (error) {
      this.#hear(messageOf(error));
      throw away(messageOf(error), error);
    }
  }

  /** Stops following and closes both connections. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    const { link, feed } = this.#options;
    await Promise.all([feed.close(), this.#following]);
    await link.close();
  }

  async #follow(): Promise<void> {
    while (!this.#closed) {
      if (!await this.#tryLook() || !await this.#tryWait()) await this.#pause();
    }
  }

  /** Returns whether the follower has all that Redis has. */
  async #tryLook(): Promise<boolean> {
    try {
      await this.#look();
      this.#hear(undefined);
      return true;
    } catch (error) {
      this.#hear(messageOf(error));
      return false;
    }
  }

  /** Waits for commits and takes them; returns whether that went well. */
  async #tryWait(): Promise<boolean> {
    const { feed } = this.#options;
    const [, stream = ""] = this.#keys;
    const wait = ["COUNT", READ_AT_ONCE, "BLOCK", WAIT_MS];
    const from = ["STREAMS", stream, `${this.#position.sequence}-0`];
    try {
      const answer = await this.#ask(feed, ["XREAD", [...wait, ...from]]);
      this.#takeEntries(entriesOf(answer as StreamAnswer));
      return true;
    } catch {
      // What is written goes by the other connection: whether that is well the next look tells.
      return false;
    }
  }

  /** Brings the follower up to what an answer has told; a look under way may have begun before it. */
  async #lookPast([, epoch, sequence]: Answer): Promise<void> {
    await this.#look();
    const { epoch: known, sequence: taken } = this.#position;
    if (known !== epoch || taken < sequence) await this.#look();
  }

  /** Brings the follower up to what Redis has; one look at a time. */
  #look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => this.#looking = undefined);
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    const { link } = this.#options;
    const [meta = "", stream = ""] = this.#keys;
    // What is taken while the answer is under way is not in it.
    const { epoch, sequence, last } = this.#position;
    const found = await this.#ask(link, ["HMGET", [meta, "e", "s", "i"]]) as (string | null)[];
    const [e, s, i] = found;
    const there = { epoch: e ?? "", sequence: Number(s ?? 0), last: i ?? "" };
    if (epoch !== undefined && there.sequence < sequence) return await this.#restore(there);
    if (epoch !== there.epoch) return await this.#load();
    if (there.sequence === sequence && there.last !== last) return await this.#load();
    while (this.#position.sequence < there.sequence) {
      const before = this.#position.sequence;
      const range = [stream, `(${before}-0`, "+", "COUNT", READ_AT_ONCE];
      this.#takeEntries(await this.#ask(link, ["XRANGE", range]) as readonly StreamEntry[]);
      if (this.#position.sequence === before) return await this.#load();
    }
  }

  async #load(): Promise<void> {
    const answer = await this.#script(loadScript, []) as readonly unknown[];
    const [epoch, sequence, last, ...flat] = answer as [
      ...[string, number, string],
      ...(readonly string[])[],
    ];
    const tables = this.#options.tables.map((name, n) =>
      [name, flatFields(flat[n] ?? [])] as const
    );
    this.#options.follower.reset({ sequence, tables: new Map(tables) });
    this.#position = { epoch, sequence, last };
  }

  /** Who knows more commits than Redis writes all of it again; others read that then. */
  async #restore(there: Position): Promise<void> {
    const { sequence } = this.#position;
    const all = textOf({ tables: this.#options.follower.everything() });
    const place = [there.epoch ?? "", there.sequence, crypto.randomUUID()];
    const args = [...place, all, sequence, "", ...this.#options.tables];
    const [kept, epoch] = await this.#script(restoreScript, args) as Answer;
    if (kept === 1) this.#position = { ...this.#position, epoch, last: epoch };
    else await this.#load();
  }

  #takeEntries(entries: readonly StreamEntry[]): void {
    for (const [id, fields] of entries) {
      const sequence = Number.parseInt(id);
      const { epoch = "", sequence: known, last: knownLast } = this.#position;
      if (sequence <= known) continue;
      const [, of = "", , last = "", , before = "", , text = ""] = fields;
      // Of another epoch, or not the next one: the look that follows reads all.
      if (of !== epoch || sequence !== known + 1 || before !== knownLast) return;
      this.#take(JSON.parse(text) as LogCommit, { epoch, sequence, last });
    }
  }

  #take(commit: LogCommit, position: Position): void {
    if (position.sequence <= this.#position.sequence) return;
    try {
      this.#options.follower.take(commit, position.sequence);
      this.#position = position;
    } catch (error) {
      // Nobody knows what it has taken of it: all is read anew.
      this.#position = UNKNOWN;
      throw error;
    }
  }

  /** Whether a commit of ours was kept and comes right after what the follower has. */
  #isNext([kept, epoch, sequence, , before]: Answer, askedWith: string): boolean {
    const { epoch: known = "", sequence: taken, last } = this.#position;
    if (kept !== 1 || known !== askedWith || sequence > taken + 1 || before !== last) return false;
    return epoch === known || sequence === 1;
  }

  #hear(trouble: string | undefined): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    if (!this.#closed) this.#options.follower.heard(trouble);
  }

  /** Until a connection is there again, or a moment has passed. */
  async #pause(): Promise<void> {
    if (this.#closed) return;
    const woken = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(RETRY_MS, woken.resolve);
    this.#wake = woken.resolve;
    await woken.promise;
    timer.cancel();
  }

  #script(script: string, args: readonly (string | number)[]): Promise<unknown> {
    const call = [script, this.#keys.length, ...this.#keys, ...args];
    return this.#ask(this.#options.link, ["EVAL", call]);
  }

  #ask(
    link: RedisLink,
    [command, args]: readonly [string, readonly (string | number)[]],
  ): Promise<unknown> {
    return askRedis(link, { command, args, key: this.#keys[0] ?? "", clock: this.#options.clock });
  }
}

/** Returns a commit as the scripts take it. */
function textOf({ tables, note }: LogCommit): string {
  return JSON.stringify({ tables, ...(note !== undefined && { note }) });
}

function positionOf([, epoch, sequence, last]: Answer): Position {
  return { epoch, sequence, last };
}

function entriesOf(answer: StreamAnswer): readonly StreamEntry[] {
  if (answer === null) return [];
  return answer.length === 1 ? answer[0][1] : answer[1];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether Redis itself has answered so: nothing of a script that it refuses is done. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === "ReplyError";
}

function unsure(why: string, cause: unknown): StatusError {
  const message =
    `cannot tell whether it was written as Redis went away meanwhile (${why}): read it ` +
    "again when /readyz says that redis is ok";
  return new StatusError(StatusCode.UNAVAILABLE, message, { cause });
}

function away(why: string, cause?: unknown): StatusError {
  const message = `cannot be written as Redis is away (${why}): what is known is still served; ` +
    "try again when /readyz says that redis is ok";
  return new StatusError(StatusCode.UNAVAILABLE, message, { cause });
}

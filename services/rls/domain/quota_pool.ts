// SPDX-License-Identifier: Apache-2.0
/**
 * One limit and all who share it. A share is a lease: whoever was told of one may use it until the
 * lease ends, whether or not it is still connected or reads what it is sent. Nobody is told of more
 * until it is free, so what is held never adds up to more than the limit; while a limit becomes
 * smaller it only falls.
 * @module
 */
import type { QuotaCapacity } from "./quota_assignment.ts";
import type { QuotaClaim } from "./quota_exchange.ts";
import { divide, rearrange, wantOf, wantsOf } from "./quota_sharing.ts";

/** One who shares: a bucket of one Envoy. */
export interface QuotaMember {
  /** Tells who comes back after a lost connection: equal for the same bucket of the same Envoy. */
  readonly owner: string;
  /** Requests a second that it wants; undefined while that is not known. */
  readonly demandPerSecond: number | undefined;
  /** Is called when it may be told something new. */
  changed(): void;
}

/** How a member stands. */
export interface Stake {
  /** Units that it shall have; undefined before the first division. */
  readonly target: number | undefined;
  /** Units that it may be using. */
  readonly held: number;
}

interface Lease {
  held: number;
  endMs: number;
}

interface OpenStake extends Lease {
  target: number | undefined;
  told: boolean;
  /** Since when it has been waiting for units that others hold. */
  waitingMs: number | undefined;
}

/** Looks at one limit are so far apart, and a bit more for each member, up to a second. */
const SETTLE_MS = 100;
const SETTLE_MEMBER_MS = 2;
const MAX_SETTLE_MS = 1000;
/**
 * For nothing but changed demand it is not divided more often than this, nor than so many requests
 * of a fair share take: with a new share Envoy loses what it had saved up for the next request.
 */
const MIN_DEMAND_MS = 500;
const MAX_DEMAND_MS = 300_000;
const DEMAND_REQUESTS = 10;
/** For so long one waits for the whole of its share before it takes a part. */
const PATIENCE_MS = 200;

/** So many of those who are gone can come back to their lease; more are remembered as a sum. */
const MAX_DEPARTED = 10_000;
const NOBODY = "";

/** Divides one limit. */
export class QuotaPool {
  #capacity: QuotaCapacity;
  #part = 1;
  readonly #stakes = new Map<QuotaMember, OpenStake>();
  readonly #departed = new Map<string, Lease[]>();
  readonly #waiting = new Set<QuotaMember>();
  #held = 0;
  #settledMs = -Infinity;
  #dividedMs = -Infinity;
  #joined = false;
  #wanted = { members: 0, want: 0, atMs: -Infinity };

  /** Nobody shares it yet. */
  constructor(capacity: QuotaCapacity) {
    this.#capacity = capacity;
  }

  /** What is divided. */
  get capacity(): QuotaCapacity {
    return this.#capacity;
  }

  /** Which part of it is divided here, 0 to 1: the rest is for other replicas. */
  get part(): number {
    return this.#part;
  }

  /** Units that may be in use, also by those who are gone. */
  get held(): number {
    return this.#held;
  }

  /** Whether nobody has a share, nor has one left. */
  get isUnused(): boolean {
    return this.#stakes.size === 0 && this.#departed.size === 0;
  }

  /**
   * What its members want and may be using, for other replicas; as parts of the whole limit. What
   * they want is looked at as seldom as the limit is divided for it.
   */
  claim(nowMs: number): QuotaClaim {
    const gone = [...this.#departed.values()].flat();
    const members = this.#stakes.size + gone.length;
    const { units } = this.#capacity;
    if (members !== this.#wanted.members || nowMs >= this.#wanted.atMs + this.#demandPaceMs) {
      const wants = wantsOf(units, this.#demands([...this.#stakes.keys()]));
      const goneUnits = gone.reduce((sum, { held }) => sum + held, 0);
      const want = wants.reduce((sum, each) => sum + each, goneUnits);
      this.#wanted = { members, want: Math.min(1, want / units), atMs: nowMs };
    }
    const { want } = this.#wanted;
    return { members, want, held: this.#held / units, part: this.#part };
  }

  /**
   * Changes which part is divided here. What is held beyond it is taken back as soon as may be; with
   * none at all members are told nothing.
   */
  limitTo(part: number): void {
    if (part === this.#part) return;
    this.#part = part;
    this.#joined = true;
    this.#settledMs = -Infinity;
  }

  /** How a member stands. @throws {TypeError} when it is no member */
  stakeOf(member: QuotaMember): Stake {
    return this.#stake(member);
  }

  /** Takes a member in. One who comes back goes on with the lease that it left. */
  join(member: QuotaMember): void {
    const lease = this.#reclaim(member.owner) ?? { held: 0, endMs: 0 };
    this.#stakes.set(member, { ...lease, target: undefined, told: false, waitingMs: undefined });
    this.#joined = true;
  }

  /** Lets a member go whose connection is lost: it may use its share until the lease ends. */
  leave(member: QuotaMember): void {
    const { held, endMs } = this.#stake(member);
    this.#remove(member);
    if (held === 0) return;
    if (this.#departed.size < MAX_DEPARTED) {
      const leases = this.#departed.get(member.owner) ?? [];
      this.#departed.set(member.owner, [...leases, { held, endMs }]);
      return;
    }
    const rest = this.#departed.get(NOBODY)?.[0];
    const lease = { held: held + (rest?.held ?? 0), endMs: Math.max(endMs, rest?.endMs ?? 0) };
    this.#departed.set(NOBODY, [lease]);
  }

  /** Lets a member go that does not use its share any more. */
  drop(member: QuotaMember): void {
    const stake = this.#stake(member);
    this.#remove(member);
    this.#free(stake);
  }

  /** Changes what is divided. What is held goes on at the same rate until it is told otherwise. */
  resize(capacity: QuotaCapacity): void {
    const factor = capacity.seconds / this.#capacity.seconds;
    this.#capacity = capacity;
    this.#joined = true;
    this.#settledMs = -Infinity;
    this.#held = 0;
    for (const leases of this.#departed.values()) {
      for (const lease of leases) this.#held += lease.held = Math.ceil(lease.held * factor);
    }
    for (const stake of this.#stakes.values()) {
      this.#held += stake.held = Math.ceil(stake.held * factor);
      stake.target = undefined;
    }
  }

  /**
   * Divides anew if that serves anybody, unless it was done a moment ago. Returns when to come
   * again, undefined when there is nothing to wait for.
   */
  settle(nowMs: number): number | undefined {
    const paceMs = SETTLE_MS + SETTLE_MEMBER_MS * this.#stakes.size;
    const againMs = this.#settledMs + Math.min(MAX_SETTLE_MS, paceMs);
    if (nowMs < againMs) return againMs;
    this.#settledMs = nowMs;
    this.#endLeases(nowMs);
    // Without a part there is nothing to say yet: it is on its way.
    if (
      this.#part > 0 &&
      (this.#joined || nowMs >= this.#dividedMs + this.#demandPaceMs && this.#someWantMore())
    ) {
      this.#divide(nowMs);
    }
    this.#serveWaiting(nowMs);
    return this.#nextMs(nowMs);
  }

  /**
   * Returns the units that a member may be told of now: its target, or what it has already while
   * others hold the rest. Undefined when it is better told nothing yet.
   */
  offer(member: QuotaMember, nowMs: number): number | undefined {
    const stake = this.#stake(member);
    const { target, held, told } = stake;
    const room = this.#units - (this.#held - held);
    if (target !== undefined && (target <= held || target <= room)) {
      this.#endWaiting(member);
      return target;
    }
    if (target !== undefined) {
      this.#waiting.add(member);
      stake.waitingMs ??= nowMs;
      if (nowMs - stake.waitingMs >= PATIENCE_MS && room > held) {
        stake.waitingMs = nowMs;
        return room;
      }
    }
    return held > 0 || told ? held : undefined;
  }

  /** Notes that a member was told of `share` units, which it may use until `endMs`. */
  hold(member: QuotaMember, { share, endMs }: {
    readonly share: number;
    readonly endMs: number;
  }): void {
    const stake = this.#stake(member);
    const freed = stake.held - share;
    this.#held -= freed;
    stake.held = share;
    stake.endMs = endMs;
    stake.told = true;
    if (freed > 0) this.#wakeWaiting();
  }

  #stake(member: QuotaMember): OpenStake {
    const stake = this.#stakes.get(member);
    if (stake === undefined) throw new TypeError("not a member of this pool");
    return stake;
  }

  #reclaim(owner: string): Lease | undefined {
    const leases = this.#departed.get(owner);
    const lease = leases?.pop();
    if (leases?.length === 0) this.#departed.delete(owner);
    return lease;
  }

  #remove(member: QuotaMember): void {
    this.#stakes.delete(member);
    this.#waiting.delete(member);
    this.#joined = true;
  }

  #free(lease: Lease): void {
    this.#held -= lease.held;
    lease.held = 0;
    this.#wakeWaiting();
  }

  get #demandPaceMs(): number {
    const { units, seconds } = this.#capacity;
    const requestMs = this.#stakes.size * seconds * 1000 / units;
    return Math.min(MAX_DEMAND_MS, Math.max(MIN_DEMAND_MS, DEMAND_REQUESTS * requestMs));
  }

  /** Units of those who are not gone. */
  #freeUnits(): number {
    let free = this.#units;
    for (const leases of this.#departed.values()) {
      for (const { held } of leases) free = Math.max(0, free - held);
    }
    return free;
  }

  /** Whether anybody wants more than it has: else there is nothing to divide anew. */
  #someWantMore(): boolean {
    const { seconds } = this.#capacity;
    for (const [{ demandPerSecond = Infinity }, { target = 0 }] of this.#stakes) {
      if (wantOf(demandPerSecond * seconds) > target) return true;
    }
    return false;
  }

  #divide(nowMs: number): void {
    const free = this.#freeUnits();
    const stakes = [...this.#stakes];
    const wants = wantsOf(free, this.#demands([...this.#stakes.keys()]));
    const before = stakes.map(([, { target }]) => target ?? 0);
    const shares = rearrange(before, { fair: divide(free, wants), wants });
    this.#dividedMs = nowMs;
    this.#joined = false;
    for (const [index, [member, stake]] of stakes.entries()) {
      const target = shares[index] ?? 0;
      if (stake.target === target && stake.told) continue;
      stake.target = target;
      member.changed();
    }
  }

  get #units(): number {
    return Math.floor(this.#capacity.units * this.#part);
  }

  #demands(members: readonly QuotaMember[]): readonly number[] {
    const { seconds } = this.#capacity;
    return members.map(({ demandPerSecond }) => (demandPerSecond ?? Infinity) * seconds);
  }

  #endLeases(nowMs: number): void {
    for (const [owner, leases] of this.#departed) {
      const open = leases.filter(({ endMs }) => endMs > nowMs);
      if (open.length === leases.length) continue;
      for (const lease of leases) if (lease.endMs <= nowMs) this.#free(lease);
      if (open.length === 0) this.#departed.delete(owner);
      else this.#departed.set(owner, open);
      this.#joined = true;
    }
    for (const [member, stake] of this.#stakes) {
      if (stake.held === 0 || stake.endMs > nowMs) continue;
      this.#free(stake);
      stake.told = false;
      member.changed();
    }
  }

  #nextMs(nowMs: number): number | undefined {
    let nextMs = this.#waiting.size > 0 ? nowMs + PATIENCE_MS : Infinity;
    for (const leases of this.#departed.values()) {
      for (const { endMs } of leases) nextMs = Math.min(nextMs, endMs);
    }
    return nextMs === Infinity ? undefined : nextMs;
  }

  /** Those at the front whose share is free now. */
  #wakeWaiting(): void {
    let room = this.#units - this.#held;
    for (const member of this.#waiting) {
      const { target = 0, held } = this.#stake(member);
      room -= target - held;
      if (room < 0) return;
      this.#endWaiting(member);
      member.changed();
    }
  }

  #serveWaiting(nowMs: number): void {
    if (this.#held >= this.#units) return;
    for (const member of this.#waiting) {
      const { waitingMs = nowMs } = this.#stake(member);
      if (nowMs - waitingMs >= PATIENCE_MS) member.changed();
    }
  }

  #endWaiting(member: QuotaMember): void {
    this.#waiting.delete(member);
    this.#stake(member).waitingMs = undefined;
  }
}

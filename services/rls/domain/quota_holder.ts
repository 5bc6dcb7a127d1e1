// SPDX-License-Identifier: Apache-2.0
/**
 * One bucket of one Envoy: what it was told, and when it must be told again.
 * @module
 */
import { assignmentOf, type QuotaAssignment, sameAssignment } from "./quota_assignment.ts";
import type { QuotaBucket } from "./quota_bucket.ts";
import type { Timed } from "./quota_calendar.ts";
import { DemandEstimate } from "./quota_demand.ts";
import type { LimitedBucket, QuotaMatch } from "./quota_matcher.ts";
import type { QuotaMember } from "./quota_pool.ts";
import type { SharedLimit } from "./shared_limit.ts";

/** Where a bucket's assignments come from. */
export type Placement =
  | { readonly kind: "pool"; readonly match: LimitedBucket; readonly limit: SharedLimit }
  | { readonly kind: "blanket"; readonly match: QuotaMatch; readonly assignment: QuotaAssignment };

/** What a holder needs of its stream. */
export interface HolderHome {
  /** Is called when a holder may have something to say. */
  changed(holder: QuotaHolder): void;
  /** Is called when a bucket has had no requests for long. */
  idle(holder: QuotaHolder, nowMs: number): void;
}

/** What all holders have in common. */
export interface HolderTerms {
  /** As in `QuotaSettings`. */
  readonly ttlSeconds: number;
  /** As in `QuotaSettings`. */
  readonly idleMs: number;
}

/** A lease is counted so much longer than it was told: it begins when its message arrives. */
export const LEASE_GRACE_MS = 2000;

/** A bucket of one stream. */
export class QuotaHolder implements QuotaMember, Timed {
  /** The bucket. */
  readonly bucket: QuotaBucket;
  /** See {@linkcode QuotaMember.owner}. */
  readonly owner: string;
  /** What it wants. */
  readonly demand: DemandEstimate;
  readonly #home: HolderHome;
  readonly #terms: HolderTerms;
  #placement: Placement | undefined;
  #told: { readonly assignment: QuotaAssignment; readonly atMs: number } | undefined;
  #gone = false;

  /** It has no placement yet. */
  constructor(bucket: QuotaBucket, { owner, home, terms, nowMs }: {
    readonly owner: string;
    readonly home: HolderHome;
    readonly terms: HolderTerms;
    readonly nowMs: number;
  }) {
    this.bucket = bucket;
    this.owner = owner;
    this.demand = new DemandEstimate(nowMs);
    this.#home = home;
    this.#terms = terms;
  }

  /** See {@linkcode QuotaMember.demandPerSecond}. */
  get demandPerSecond(): number | undefined {
    return this.demand.perSecond;
  }

  /** Where its assignments come from; undefined once it is gone. */
  get placement(): Placement | undefined {
    return this.#placement;
  }

  /** What it was told last; undefined before, and when that has run out. */
  get told(): QuotaAssignment | undefined {
    return this.#told?.assignment;
  }

  /** When the last assignment runs out for the Envoy. */
  get expiresMs(): number | undefined {
    return this.#told === undefined ? undefined : this.#told.atMs + this.#ttlMs;
  }

  /** Puts it elsewhere, or nowhere. The pool that it comes from is free of it at once. */
  place(placement: Placement | undefined): void {
    const before = this.#placement;
    const stays = before?.kind === "pool" && placement?.kind === "pool" &&
      before.limit === placement.limit;
    this.#placement = placement;
    if (stays) return;
    if (before?.kind === "pool") before.limit.pool.drop(this);
    if (placement?.kind === "pool") placement.limit.pool.join(this);
    this.changed();
  }

  /** Its Envoy is gone: what it holds stays with it until the lease ends. */
  leave(): void {
    if (this.#placement?.kind === "pool") this.#placement.limit.pool.leave(this);
    this.#placement = undefined;
    this.#gone = true;
  }

  /** It is abandoned. */
  drop(): void {
    this.place(undefined);
    this.#gone = true;
  }

  /** See {@linkcode QuotaMember.changed}. */
  changed(): void {
    if (!this.#gone) this.#home.changed(this);
  }

  /** Returns what it must be told now, which then counts as told; undefined if nothing. */
  tell(nowMs: number): QuotaAssignment | undefined {
    const { assignment, share } = this.#next(nowMs);
    if (assignment === undefined) return undefined;
    const told = this.#told;
    const isOver = told === undefined || nowMs >= told.atMs + this.#ttlMs / 2;
    if (!isOver && sameAssignment(told.assignment, assignment)) return undefined;
    this.#told = { assignment, atMs: nowMs };
    if (this.#placement?.kind === "pool") {
      this.#placement.limit.pool.hold(this, { share, endMs: nowMs + this.#ttlMs + LEASE_GRACE_MS });
    }
    return assignment;
  }

  /** Whether its Envoy can forget it. */
  isIdle(nowMs: number): boolean {
    return this.demand.isIdle(this.#terms.idleMs, nowMs);
  }

  /** Has it told again in time, and abandoned when it is idle. */
  due(nowMs: number): number | undefined {
    if (this.#gone) return undefined;
    if (this.isIdle(nowMs)) {
      this.#home.idle(this, nowMs);
      return undefined;
    }
    const told = this.#told;
    const renewAtMs = (told?.atMs ?? nowMs) + this.#ttlMs / 2;
    if (nowMs >= renewAtMs) this.changed();
    if (told !== undefined && nowMs >= told.atMs + this.#ttlMs) this.#told = undefined;
    return nowMs >= renewAtMs ? nowMs + this.#ttlMs / 2 : renewAtMs;
  }

  get #ttlMs(): number {
    return this.#terms.ttlSeconds * 1000;
  }

  #next(nowMs: number): { readonly assignment?: QuotaAssignment; readonly share: number } {
    const placement = this.#placement;
    if (placement === undefined) return { share: 0 };
    if (placement.kind === "blanket") return { assignment: placement.assignment, share: 0 };
    const { pool } = placement.limit;
    const share = pool.offer(this, nowMs);
    if (share === undefined) return { share: 0 };
    return { assignment: assignmentOf(pool.capacity, share), share };
  }
}

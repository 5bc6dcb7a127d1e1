// SPDX-License-Identifier: Apache-2.0
/**
 * One Envoy's stream: its domain, its buckets, and what it is to be told next. What waits to be
 * sent is kept as "this bucket" only and made when it is asked for, so nothing queues.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import type { QuotaAssignment } from "./quota_assignment.ts";
import { type QuotaBucket, quotaBucketOf } from "./quota_bucket.ts";
import type { QuotaCalendar } from "./quota_calendar.ts";
import type { QuotaUsage } from "./quota_demand.ts";
import { type HolderHome, QuotaHolder } from "./quota_holder.ts";
import type { QuotaPools } from "./quota_pools.ts";
import type { QuotaObserver, QuotaSettings, RefusedBucket } from "./quota_settings.ts";
import type { SharedLimit } from "./shared_limit.ts";

/** Who is at the other end. */
export interface QuotaClient {
  /** What it calls itself, else its address: for people. */
  readonly name: string;
  /** Its address. */
  readonly address: string;
  /** Tells who comes back after a lost connection: its name, else its address without the port. */
  readonly identity: string;
}

/** What a bucket reports. */
export interface BucketUsage extends QuotaUsage {
  /** The id of the bucket. */
  readonly bucketId: Readonly<Record<string, string>>;
}

/** What an Envoy is told about a bucket. */
export type QuotaAction =
  | {
    readonly kind: "assign";
    readonly bucket: QuotaBucket;
    readonly assignment: QuotaAssignment;
    /** How long it lasts. */
    readonly ttlSeconds: number;
  }
  | { readonly kind: "abandon"; readonly bucket: QuotaBucket };

/** What all streams share. */
export interface StreamParts {
  /** How quotas are served. */
  readonly settings: QuotaSettings;
  /** The limits. */
  readonly pools: QuotaPools;
  /** Where buckets wait to be told again. */
  readonly calendar: QuotaCalendar;
  /** Counts. */
  readonly observer: QuotaObserver;
  /** Whether one more bucket may be kept. */
  readonly hasRoom: () => boolean;
  /** Is called when a bucket was taken in (1) or let go (-1). */
  readonly onCount: (change: 1 | -1) => void;
}

/** A stream. Made by `QuotaBook.open`. */
export class QuotaStream implements HolderHome {
  /** Who is at the other end. */
  readonly client: QuotaClient;
  /** When it was opened, in milliseconds of the clock that does not step back. */
  readonly openedMs: number;
  readonly #parts: StreamParts;
  readonly #holders = new Map<string, QuotaHolder>();
  readonly #dirty = new Set<QuotaHolder>();
  readonly #abandoned = new Map<string, QuotaBucket>();
  #domain: string | undefined;
  #wake: (() => void) | undefined;
  #ending = false;

  /** It has no buckets yet. */
  constructor(parts: StreamParts, { client, nowMs }: {
    readonly client: QuotaClient;
    readonly nowMs: number;
  }) {
    this.#parts = parts;
    this.client = client;
    this.openedMs = nowMs;
  }

  /** Its domain; undefined before the first report. */
  get domain(): string | undefined {
    return this.#domain;
  }

  /** Its buckets. */
  get holders(): ReadonlyMap<string, QuotaHolder> {
    return this.#holders;
  }

  /** Whether it is to end once what is due is delivered. */
  get isEnding(): boolean {
    return this.#ending;
  }

  /** How many buckets may have something to be told. */
  get pending(): number {
    return this.#dirty.size + this.#abandoned.size;
  }

  /** Has `wake` called whenever there may be something to send. */
  onWake(wake: () => void): void {
    this.#wake = wake;
  }

  /**
   * Takes a report. The first names the domain; what later ones name is ignored, as the API says.
   * @throws StatusError INVALID_ARGUMENT when the first has no domain
   */
  report({ domain, usages }: {
    readonly domain: string;
    readonly usages: readonly BucketUsage[];
  }, nowMs: number): void {
    if (this.#domain === undefined && domain === "") {
      throw new StatusError(StatusCode.INVALID_ARGUMENT, "the first report must name its domain");
    }
    this.#domain ??= domain;
    const limits = new Set<SharedLimit>();
    for (const usage of usages) {
      const holder = this.#holderOf(usage, nowMs);
      if (holder === undefined) continue;
      holder.demand.report(usage, nowMs);
      if (holder.isIdle(nowMs)) {
        this.idle(holder, nowMs);
        continue;
      }
      const { placement } = holder;
      if (placement === undefined) continue;
      if (placement.kind === "pool") limits.add(placement.limit);
      if (placement.match.kind !== "none") this.#parts.observer.reported(placement.match, usage);
    }
    for (const limit of limits) limit.settle(nowMs);
    if (this.pending > 0) this.#wake?.();
  }

  /** Returns up to `max` actions that are due, which then count as told. */
  pull(nowMs: number, max: number): readonly QuotaAction[] {
    const { settings: { ttlSeconds }, observer } = this.#parts;
    const actions: QuotaAction[] = [];
    for (const [key, bucket] of this.#abandoned) {
      if (actions.length === max) return actions;
      this.#abandoned.delete(key);
      observer.told("abandon");
      actions.push({ kind: "abandon", bucket });
    }
    for (const holder of this.#dirty) {
      if (actions.length === max) return actions;
      this.#dirty.delete(holder);
      const assignment = holder.tell(nowMs);
      if (assignment === undefined) continue;
      observer.told(assignment.kind);
      actions.push({ kind: "assign", bucket: holder.bucket, assignment, ttlSeconds });
    }
    return actions;
  }

  /** Has it end from this side. Its client is expected to come back, here or elsewhere. */
  end(): void {
    this.#ending = true;
    this.#wake?.();
  }

  /** Places all buckets anew, after the rules have changed. */
  replace(): void {
    for (const holder of [...this.#holders.values()]) this.#place(holder);
  }

  /** Ends it. Shares stay with its client until their leases end. */
  close(nowMs: number): void {
    const limits = new Set<SharedLimit>();
    for (const holder of this.#holders.values()) {
      if (holder.placement?.kind === "pool") limits.add(holder.placement.limit);
      holder.leave();
      this.#parts.onCount(-1);
    }
    this.#holders.clear();
    this.#dirty.clear();
    this.#abandoned.clear();
    for (const limit of limits) limit.settle(nowMs);
  }

  /** See {@linkcode HolderHome.changed}. */
  changed(holder: QuotaHolder): void {
    const wasPending = this.pending > 0;
    this.#dirty.add(holder);
    if (!wasPending) this.#wake?.();
  }

  /** See {@linkcode HolderHome.idle}. */
  idle(holder: QuotaHolder, nowMs: number): void {
    const { placement } = holder;
    this.#abandon(holder);
    if (placement?.kind === "pool") placement.limit.settle(nowMs);
  }

  #holderOf(usage: BucketUsage, nowMs: number): QuotaHolder | undefined {
    const bucket = quotaBucketOf(usage.bucketId);
    if (bucket === undefined) return this.#refuse("invalid");
    const known = this.#holders.get(bucket.key);
    if (known !== undefined) return known;
    // A report that crossed the news that its bucket is abandoned.
    if (this.#abandoned.has(bucket.key) && isEmpty(usage)) return undefined;
    return this.#subscribe(bucket, nowMs);
  }

  #subscribe(bucket: QuotaBucket, nowMs: number): QuotaHolder | undefined {
    const { settings, calendar, hasRoom, onCount } = this.#parts;
    if (this.#holders.size >= settings.maxBucketsPerStream || !hasRoom()) {
      return this.#refuse("too many", bucket);
    }
    const owner = JSON.stringify([this.client.identity, bucket.key]);
    const holder = new QuotaHolder(bucket, { owner, home: this, terms: settings, nowMs });
    if (!this.#place(holder)) return undefined;
    this.#abandoned.delete(bucket.key);
    this.#holders.set(bucket.key, holder);
    onCount(1);
    calendar.add(holder, nowMs + settings.ttlSeconds * 500);
    return holder;
  }

  /** Puts a holder where its bucket belongs; tells whether there is such a place. */
  #place(holder: QuotaHolder): boolean {
    const placing = this.#parts.pools.place(this.#domain ?? "", holder.bucket);
    if (placing.kind === "placed") {
      holder.place(placing.placement);
      return true;
    }
    this.#parts.observer.refused(placing.why);
    this.#abandon(holder);
    return false;
  }

  #abandon(holder: QuotaHolder): void {
    const { bucket } = holder;
    holder.drop();
    this.#dirty.delete(holder);
    if (this.#holders.delete(bucket.key)) this.#parts.onCount(-1);
    this.#abandoned.set(bucket.key, bucket);
    this.#wake?.();
  }

  #refuse(why: RefusedBucket, bucket?: QuotaBucket): undefined {
    this.#parts.observer.refused(why);
    if (bucket !== undefined) this.#abandoned.set(bucket.key, bucket);
  }
}

function isEmpty({ allowed, denied }: QuotaUsage): boolean {
  return !(allowed > 0) && !(denied > 0);
}

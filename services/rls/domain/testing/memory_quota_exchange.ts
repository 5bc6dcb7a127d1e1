// SPDX-License-Identifier: Apache-2.0
/**
 * Replicas of one process that share limits: what adapters/redis_quota_exchange.ts does in Redis.
 * @module
 */
import type { NamedClaim, QuotaExchange, QuotaGrant } from "../quota_exchange.ts";

interface Standing {
  readonly members: number;
  readonly want: number;
  readonly claim: number;
  readonly endMs: number;
}

/** Where replicas of a test meet. */
export class MemoryQuotaHall {
  readonly #limits = new Map<string, Map<string, Standing>>();
  readonly #nowMs: () => number;

  /** Nobody is there. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** What all replicas together have claimed of a limit. */
  claimed(key: string): number {
    return [...this.#limits.get(key)?.values() ?? []]
      .filter(({ endMs }) => endMs > this.#nowMs())
      .reduce((sum, { claim }) => sum + claim, 0);
  }

  /** Makes one claim. */
  claim(
    replica: string,
    { claim: { key, want, held, part, ...rest }, ttlMs }: {
      readonly claim: NamedClaim;
      readonly ttlMs: number;
    },
  ): QuotaGrant {
    const limit = this.#limits.get(key) ?? new Map<string, Standing>();
    this.#limits.set(key, limit);
    const members = Math.max(1, rest.members);
    limit.delete(replica);
    for (const [name, { endMs }] of limit) if (endMs <= this.#nowMs()) limit.delete(name);
    const others = [...limit.values()];
    const room = Math.max(0, 1 - others.reduce((sum, { claim }) => sum + claim, 0));
    const fair = fairPart({ members, want }, others);
    const next = Math.min(fair, room);
    const stays = part > 0 && part <= room && Math.abs(next - part) <= part * 0.05;
    const granted = stays ? part : next;
    const claim = Math.max(Math.min(1, held), granted);
    limit.set(replica, { members, want, claim, endMs: this.#nowMs() + ttlMs });
    return { part: granted, replicas: limit.size };
  }

  /** Gives claims up. */
  release(replica: string, keys: readonly string[]): void {
    for (const key of keys) this.#limits.get(key)?.delete(replica);
  }
}

/** One replica's way to the others. */
export class MemoryQuotaExchange implements QuotaExchange {
  readonly #hall: MemoryQuotaHall;
  readonly #replica: string;

  /** Claims nothing yet. */
  constructor(hall: MemoryQuotaHall, replica: string) {
    this.#hall = hall;
    this.#replica = replica;
  }

  /** See {@linkcode QuotaExchange.claim}. */
  claim(
    claims: readonly NamedClaim[],
    { ttlMs }: { readonly ttlMs: number },
  ): Promise<readonly QuotaGrant[]> {
    const grants = claims.map((claim) => this.#hall.claim(this.#replica, { claim, ttlMs }));
    return Promise.resolve(grants);
  }

  /** See {@linkcode QuotaExchange.release}. */
  release(keys: readonly string[]): Promise<void> {
    this.#hall.release(this.#replica, keys);
    return Promise.resolve();
  }

  /** Nothing is open. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}

type Want = Pick<Standing, "members" | "want">;

/** Max-min fair, each replica as often as it has members; what nobody wants is spread evenly. */
function fairPart(mine: Want, others: readonly Want[]): number {
  const all = [mine, ...others].sort((a, b) => a.want / a.members - b.want / b.members);
  const total = all.reduce((sum, { members }) => sum + members, 0);
  let [rest, open, part] = [1, total, 0];
  for (const one of all) {
    const share = Math.min(one.want, rest * one.members / open);
    if (one === mine) part = share;
    rest -= share;
    open -= one.members;
  }
  return part + rest * mine.members / total;
}

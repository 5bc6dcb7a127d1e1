// SPDX-License-Identifier: Apache-2.0
/**
 * Replicas meet in Redis: one hash for each limit, one field for each replica. A claim is made, and
 * what it may have is worked out, in one step. Moments are those of Redis, so that the clocks of
 * replicas need not agree.
 * @module
 */
import type { Clock } from "@denvoy/base";
import { answerInTime, type RedisLink } from "@denvoy/redis";
import type { NamedClaim, QuotaExchange, QuotaGrant } from "../domain/quota_exchange.ts";
import { type RedisScript, script } from "./redis_scripts.ts";

/** What an exchange works with. */
export interface RedisQuotaExchangeOptions {
  /** The connection; it is closed with the exchange. */
  readonly link: RedisLink;
  /** Names this replica among all. */
  readonly replica: string;
  /** Comes before the name of every key. */
  readonly keyPrefix: string;
  /** Time. */
  readonly clock: Clock;
}

/** A part of 1 in Redis. */
const SCALE = 1_000_000_000;
/** A round that takes longer has failed. */
const TIMEOUT_MS = 2_000;

/**
 * ARGV: replica, members, want, held, part, ms to live. Divides 1 as domain/quota_sharing.ts does,
 * each replica counting as often as it has members; but a replica keeps the part that it has when
 * the new one is within 5 % of it. Answers part and number of replicas.
 */
const claimScript: RedisScript = script(`
local SCALE = ${SCALE}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id, members, want = ARGV[1], math.max(1, tonumber(ARGV[2])), tonumber(ARGV[3])
local held, part, ttl = math.min(SCALE, tonumber(ARGV[4])), tonumber(ARGV[5]), tonumber(ARGV[6])
local stored = redis.call('HGETALL', KEYS[1])
local all, weight, claimed = {{want, members, true}}, members, 0
for i = 1, #stored, 2 do
  if stored[i] ~= id then
    local w, m, c, e = string.match(stored[i + 1], '^(%d+) (%d+) (%d+) (%d+)$')
    if e == nil or tonumber(e) <= now then
      redis.call('HDEL', KEYS[1], stored[i])
    else
      all[#all + 1] = {tonumber(w), tonumber(m), false}
      weight = weight + m
      claimed = claimed + c
    end
  end
end
table.sort(all, function(a, b) return a[1] * b[2] < b[1] * a[2] end)
local rest, open, mine = SCALE, weight, 0
for _, each in ipairs(all) do
  local share = math.min(each[1], rest * each[2] / open)
  rest, open = rest - share, open - each[2]
  if each[3] then mine = share end
end
mine = mine + rest * members / weight
local room = math.max(0, SCALE - claimed)
local next = math.floor(math.min(mine, room))
if part <= room and part > 0 and math.abs(next - part) <= part * 0.05 then next = part end
local claim = math.max(held, next)
local text = string.format('%.0f %.0f %.0f %.0f', want, members, claim, now + ttl)
redis.call('HSET', KEYS[1], id, text)
redis.call('PEXPIRE', KEYS[1], ttl)
return {next, #all}
`);

/** Shares limits with the replicas that use the same Redis. */
export class RedisQuotaExchange implements QuotaExchange {
  readonly #options: RedisQuotaExchangeOptions;

  /** Nothing is sent before the first claim. */
  constructor(options: RedisQuotaExchangeOptions) {
    this.#options = options;
  }

  /** See {@linkcode QuotaExchange.claim}. */
  async claim(
    claims: readonly NamedClaim[],
    { ttlMs }: { readonly ttlMs: number },
  ): Promise<readonly QuotaGrant[]> {
    const { link } = this.#options;
    if (!link.ready()) throw new Error(`not connected to Redis: ${link.trouble()}`);
    const [first, ...others] = claims;
    if (first === undefined) return [];
    const round = async () => {
      // The first has the script loaded if need be; the others travel together.
      const grant = await this.#one(first, ttlMs);
      return [grant, ...await Promise.all(others.map((claim) => this.#one(claim, ttlMs)))];
    };
    return await this.#inTime(round(), first.key);
  }

  /** See {@linkcode QuotaExchange.release}. */
  async release(keys: readonly string[]): Promise<void> {
    const { link, replica } = this.#options;
    const [first] = keys;
    if (first === undefined || !link.ready()) return;
    const calls = keys.map((key) => link.call("HDEL", [this.#keyOf(key), replica]));
    try {
      await this.#inTime(Promise.all(calls), first);
    } catch {
      // They run out by themselves.
    }
  }

  /** See {@linkcode QuotaExchange.close}. */
  close(): Promise<void> {
    return this.#options.link.close();
  }

  async #one(
    { key, members, want, held, part }: NamedClaim,
    ttlMs: number,
  ): Promise<QuotaGrant> {
    const scaled = [Math.ceil(want * SCALE), Math.ceil(held * SCALE), Math.floor(part * SCALE)];
    const args = [1, this.#keyOf(key), this.#options.replica, members, ...scaled, ttlMs];
    const [granted, replicas] = grantOf(await this.#run(args));
    return { part: granted / SCALE, replicas };
  }

  async #run(args: readonly (string | number)[]): Promise<unknown> {
    const { link } = this.#options;
    const { sha, text } = claimScript;
    try {
      return await link.call("EVALSHA", [sha, ...args]);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return await link.call("EVAL", [text, ...args]);
    }
  }

  #keyOf(key: string): string {
    return `${this.#options.keyPrefix}denvoy_quota_${key}`;
  }

  #inTime<T>(work: Promise<T>, key: string): Promise<T> {
    const { clock, link } = this.#options;
    const why = `no answer from Redis in ${TIMEOUT_MS} ms`;
    return answerInTime(work, { link, key: this.#keyOf(key), clock, timeoutMs: TIMEOUT_MS, why });
  }
}

function grantOf(reply: unknown): readonly [part: number, replicas: number] {
  const [part, replicas] = Array.isArray(reply) ? reply.map(Number) : [];
  if (part === undefined || replicas === undefined || !(part >= 0)) {
    throw new Error("unexpected answer of Redis to a claim");
  }
  return [part, replicas];
}

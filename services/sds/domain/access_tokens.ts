// SPDX-License-Identifier: Apache-2.0
/**
 * Tokens: one that is good for a single use brings a new Envoy in, in exchange for one that the Envoy
 * then shows with each call. Only hashes of them are kept.
 * @module
 */
import { type Clock, StatusCode, StatusError } from "@denvoy/base";
import type { Eventually } from "./ca/ca_store.ts";
import type { ProvenIdentity } from "./caller.ts";

/** A token as it is kept. */
export interface TokenRecord {
  /** SHA-256 of the token, in hexadecimal digits. */
  readonly hash: string;
  /** `join` is good once, `node` until it ends. */
  readonly kind: "join" | "node";
  /** Whom it makes its bearer. */
  readonly identity: string;
  /** When it was made, in milliseconds since the epoch. */
  readonly createdAtMs: number;
  /** When it ends. */
  readonly expiresAtMs: number;
}

/**
 * Remembers tokens, perhaps together with other replicas. What is returned at once is what was read
 * last. What changes something throws or rejects with StatusError UNAVAILABLE when it is not written down.
 */
export interface TokenStore {
  /** Adds a token. */
  addToken(record: TokenRecord): Eventually<void>;
  /** Returns a token by its hash. */
  findToken(hash: string): TokenRecord | undefined;
  /** Puts another token in the place of one; tells whether that was there, which is true of one caller only. */
  exchangeToken(hash: string, next: TokenRecord): Eventually<boolean>;
  /** Returns all tokens, the oldest first. */
  listTokens(): readonly TokenRecord[];
  /** Returns how many there are. */
  countTokens(): number;
  /** Takes out all that have ended by `nowMs`, unless they cannot be at present. */
  removeEndedTokens(nowMs: number): Eventually<void>;
  /** Takes all tokens of an identity out; returns how many there were. */
  removeTokensOf(identity: string): Eventually<number>;
  /** Reads what other replicas have written so far. */
  catchUp(): Eventually<void>;
}

/** What tokens are made of. */
export interface TokenParts {
  /** Remembers. */
  readonly store: TokenStore;
  /** When they end. */
  readonly clock: Clock;
  /** Returns random bytes of cryptographic quality. */
  readonly randomBytes: (count: number) => Uint8Array;
  /** Returns the SHA-256 of bytes. */
  readonly sha256: (bytes: Uint8Array) => Uint8Array;
}

/** A token that was just made: the only time that it can be read. */
export interface NewToken {
  /** The token. */
  readonly token: string;
  /** What is kept of it. */
  readonly record: TokenRecord;
}

const TOKEN_BYTES = 32;
const MAX_TOKENS = 100_000;
const MIN_TTL_MS = 1000;
const DAY_MS = 86_400_000;
/** The longest life: a join token waits for an Envoy that is being set up. */
const MAX_TTL_MS = { join: 30 * DAY_MS, node: 3650 * DAY_MS } as const;

/** Makes, exchanges and checks tokens. */
export class AccessTokens {
  readonly #parts: TokenParts;
  readonly #listeners: (() => void)[] = [];

  /** See {@linkcode TokenParts}. */
  constructor(parts: TokenParts) {
    this.#parts = parts;
  }

  /**
   * Makes a token. Rejects with
   * StatusError INVALID_ARGUMENT for a life of less than a second, or more than 30 days (join)
   * or 10 years (node); RESOURCE_EXHAUSTED when there are too many; UNAVAILABLE when it cannot be kept
   */
  async create(
    kind: TokenRecord["kind"],
    { identity, ttlMs }: { readonly identity: string; readonly ttlMs: number },
  ): Promise<NewToken> {
    const { store } = this.#parts;
    const made = this.#make(kind, { identity, ttlMs });
    await this.#forgetEnded();
    if (store.countTokens() >= MAX_TOKENS) {
      const message = `cannot keep more than ${MAX_TOKENS} tokens`;
      throw new StatusError(StatusCode.RESOURCE_EXHAUSTED, message);
    }
    await store.addToken(made.record);
    return made;
  }

  /** Returns whom the bearer of a node token is; undefined for one that is unknown or over. */
  identify(token: string): ProvenIdentity | undefined {
    const record = this.#find(token);
    if (record?.kind !== "node") return undefined;
    return { identity: record.identity, validUntilMs: record.expiresAtMs };
  }

  /** Calls `listener` after tokens were revoked. */
  onRevoked(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Tells that tokens were revoked elsewhere. */
  tellRevoked(): void {
    for (const listener of this.#listeners) listener();
  }

  /**
   * Exchanges a join token for a node token, once. Rejects with StatusError UNAUTHENTICATED for one that
   * is unknown, over or used; with UNAVAILABLE when that cannot be written down.
   */
  async join(token: string, { ttlMs }: { readonly ttlMs: number }): Promise<NewToken> {
    const { store } = this.#parts;
    if (this.#find(token) === undefined) await store.catchUp();
    const record = this.#find(token);
    if (record?.kind === "join") {
      const made = this.#make("node", { identity: record.identity, ttlMs });
      if (await store.exchangeToken(record.hash, made.record)) return made;
    }
    throw new StatusError(StatusCode.UNAUTHENTICATED, "the join token is unknown, over or used");
  }

  /** Resolves with all tokens that can still be used, as they are kept. */
  async list(): Promise<readonly TokenRecord[]> {
    await this.#forgetEnded();
    const nowMs = this.#parts.clock.nowMs();
    return this.#parts.store.listTokens().filter(({ expiresAtMs }) => expiresAtMs > nowMs);
  }

  /** Ends all tokens of an identity; resolves with how many there were. */
  async revoke(identity: string): Promise<number> {
    await this.#forgetEnded();
    const removed = await this.#parts.store.removeTokensOf(identity);
    this.tellRevoked();
    return removed;
  }

  #make(
    kind: TokenRecord["kind"],
    { identity, ttlMs }: { readonly identity: string; readonly ttlMs: number },
  ): NewToken {
    const { clock, randomBytes } = this.#parts;
    checkTtl(kind, ttlMs);
    const token = base64url(randomBytes(TOKEN_BYTES));
    const createdAtMs = clock.nowMs();
    const expiresAtMs = createdAtMs + Math.floor(ttlMs);
    const record = { hash: this.#hash(token), kind, identity, createdAtMs, expiresAtMs };
    return { token, record };
  }

  #find(token: string): TokenRecord | undefined {
    const record = this.#parts.store.findToken(this.#hash(token));
    return record !== undefined && record.expiresAtMs > this.#parts.clock.nowMs()
      ? record
      : undefined;
  }

  async #forgetEnded(): Promise<void> {
    const { store, clock } = this.#parts;
    await store.removeEndedTokens(clock.nowMs());
  }

  #hash(token: string): string {
    return this.#parts.sha256(new TextEncoder().encode(token)).toHex();
  }
}

function checkTtl(kind: TokenRecord["kind"], ttlMs: number): void {
  if (ttlMs >= MIN_TTL_MS && ttlMs <= MAX_TTL_MS[kind]) return;
  const most = `${MAX_TTL_MS[kind] / DAY_MS} days`;
  const message = `cannot make token as its ttl must be from 1 second to ${most}: is ${ttlMs} ms`;
  throw new StatusError(StatusCode.INVALID_ARGUMENT, message);
}

function base64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

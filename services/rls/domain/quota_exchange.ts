// SPDX-License-Identifier: Apache-2.0
/**
 * The port through which replicas share limits: each claims a part of a limit by what its Envoys
 * want, and divides that part among them. Parts are from 0 to 1; those of all replicas together are
 * never more than 1.
 * @module
 */

/** What a replica says of one limit. */
export interface QuotaClaim {
  /** How many share it there. */
  readonly members: number;
  /** Which part they want together. */
  readonly want: number;
  /** Which part they may be using now; what was claimed before at most, unless the limit shrank. */
  readonly held: number;
  /** Which part it was granted last. */
  readonly part: number;
}

/** A claim on a limit. */
export interface NamedClaim extends QuotaClaim {
  /** Names the limit on all replicas. */
  readonly key: string;
}

/** What comes of a claim. */
export interface QuotaGrant {
  /** Which part the replica may divide from now on. */
  readonly part: number;
  /** How many replicas share the limit. */
  readonly replicas: number;
}

/** Where replicas meet. */
export interface QuotaExchange {
  /**
   * Makes claims and returns a grant for each. A claim is forgotten when it is not made again within
   * `ttlMs`. Rejects, in bounded time, when the others cannot be reached.
   */
  claim(
    claims: readonly NamedClaim[],
    options: { readonly ttlMs: number },
  ): Promise<readonly QuotaGrant[]>;
  /** Gives claims up. Never rejects. */
  release(keys: readonly string[]): Promise<void>;
  /** Lets go of connections. */
  close(): Promise<void>;
}

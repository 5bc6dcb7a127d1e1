// SPDX-License-Identifier: Apache-2.0
/**
 * Other trust domains whose workloads are trusted, and when their bundles are asked for.
 * @module
 */
import type { SpiffeBundle } from "./spiffe_bundle.ts";

/** Another trust domain. */
export interface FederatedDomain {
  /** Its name. */
  readonly trustDomain: string;
  /** `https://` address of its bundle endpoint. */
  readonly url: string;
  /** How the endpoint proves who it is. */
  readonly profile: EndpointProfile;
}

/** How an endpoint proves who it is (SPIFFE Trust Domain and Bundle, section 5.2). */
export type EndpointProfile =
  | {
    /** By a certificate for its host name, as web sites do. */
    readonly kind: "https_web";
    /** PEM of the CAs that may have issued it. @default the public ones */
    readonly caPem?: string;
  }
  | {
    /** By an SVID of its own trust domain. */
    readonly kind: "https_spiffe";
    /** The ID that it must have. */
    readonly spiffeId: string;
    /** PEM of the bundle that is trusted for the first time; later the one that was fetched. */
    readonly bootstrapPem: string;
  };

/** How a federation stands. */
export interface FederationState {
  /** The other trust domain. */
  readonly trustDomain: string;
  /** Its bundle; absent until it was fetched for the first time. */
  readonly bundle?: SpiffeBundle;
  /** When that was fetched, in milliseconds since the epoch. */
  readonly fetchedAtMs?: number;
  /** Why the last attempt failed; absent when it did not. */
  readonly problem?: string;
}

const DEFAULT_REFRESH_MS = 300_000;
/** A hint of a second would have us ask all day, one of a year would keep what was revoked. */
const MIN_REFRESH_MS = 10_000;
const MAX_REFRESH_MS = 3_600_000;

/** Returns in how many milliseconds to ask again. */
export function refreshDelayMs(state: FederationState): number {
  const hint = state.bundle?.refreshHintMs ?? DEFAULT_REFRESH_MS;
  const wanted = state.problem === undefined ? hint : Math.min(hint, MIN_REFRESH_MS * 3);
  return Math.min(MAX_REFRESH_MS, Math.max(MIN_REFRESH_MS, wanted));
}

/**
 * Tells whether what was fetched replaces what is known. A lower sequence than before is an answer of an
 * endpoint that lags behind: it could bring back a root that was taken out.
 */
export function isNewer(fetched: SpiffeBundle, known: SpiffeBundle | undefined): boolean {
  if (known?.sequence === undefined || fetched.sequence === undefined) return true;
  return fetched.sequence >= known.sequence;
}

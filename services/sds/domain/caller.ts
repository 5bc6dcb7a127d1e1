// SPDX-License-Identifier: Apache-2.0
/**
 * Who asks for secrets, and how that was proven.
 * @module
 */

/** How a caller proved who it is; `none` only where callers need not. */
export type Proof = "certificate" | "jwt" | "token" | "socket" | "none";

/** A caller whose identity is settled. */
export interface Caller {
  /** Its SPIFFE ID, or another name that its proof gave it, e.g. a DNS name. */
  readonly identity: string;
  /** How it was proven. */
  readonly proof: Proof;
  /** The identity of the service that asks on its behalf; absent when it asks itself. */
  readonly through?: string;
}

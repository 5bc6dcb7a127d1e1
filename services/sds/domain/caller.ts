// SPDX-License-Identifier: Apache-2.0
/**
 * Who asks for secrets, and how that was proven.
 * @module
 */
import type { CertificateId } from "@denvoy/base";
import { parseSpiffeId } from "./spiffe_id.ts";

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
  /** The certificate by which that service has verified it; absent when it asks itself. */
  readonly certificate?: CertificateId;
  /** When its proof ends by itself, in milliseconds since the epoch; absent where that is unknown. */
  readonly validUntilMs?: number;
}

/** Whom a proof names, and until when. */
export interface ProvenIdentity {
  /** Its SPIFFE ID or name. */
  readonly identity: string;
  /** When the proof ends, in milliseconds since the epoch. */
  readonly validUntilMs: number;
}

/**
 * Returns which rule the name of a caller breaks, whoever proved it; undefined when it breaks none.
 * What looks like a URI must be a SPIFFE ID: one with a path such as `/a/../b` would be another
 * workload to whoever resolves it. Anything else, e.g. a DNS name, is just a word.
 */
export function identityProblem(identity: string): string | undefined {
  if (identity === "") return "an identity must not be empty";
  if (!/[:/]/.test(identity)) return undefined;
  const parsed = parseSpiffeId(identity);
  return parsed.ok ? undefined : parsed.error;
}

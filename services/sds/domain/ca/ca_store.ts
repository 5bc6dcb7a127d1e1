// SPDX-License-Identifier: Apache-2.0
/**
 * The port behind which the CA remembers: its authorities with sealed keys, what it issued, what it
 * revoked, and a few other sealed values. Keys come in sealed and leave sealed. A store may be shared
 * by replicas: then what others wrote is told, and who was overtaken is refused.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import { sameBytes } from "../certificate_block.ts";
import type { AuthorityState, IssuedRecord, Revocation } from "../certificate_authority.ts";

/** A certificate that signs leaves, with its key. */
export interface SignerRecord {
  /** Hexadecimal identifier of its key. */
  readonly id: string;
  /** DER of the certificate. */
  readonly der: Uint8Array;
  /** DER of the certificates between it and the root, nearest first; empty for our own. */
  readonly between: readonly Uint8Array[];
  /** Its PKCS#8 key, sealed with its id as context. */
  readonly sealedKey: Uint8Array;
}

/** A root and those that sign under it. */
export interface AuthorityRecord {
  /** Hexadecimal identifier of its key. */
  readonly id: string;
  /** Where it stands. */
  readonly state: AuthorityState;
  /** When it entered the bundle. */
  readonly preparedAtMs: number;
  /** When it began to sign; absent before. */
  readonly activatedAtMs?: number;
  /** DER of the root certificate. */
  readonly rootDer: Uint8Array;
  /** The root's PKCS#8 key, sealed with its id as context; absent for an outside CA. */
  readonly sealedRootKey?: Uint8Array;
  /** The first one signs; the others keep signing revocation lists until their leaves have ended. */
  readonly signers: readonly SignerRecord[];
}

/** What a store of this process answers at once, and one that replicas share later. */
export type Eventually<T> = T | Promise<T>;

/** All that the CA is. */
export interface CaState {
  /** Rises by one with each save, so that of two replicas that start from the same state one is refused. */
  readonly revision: number;
  /** Its trust domain; never changes. */
  readonly trustDomain: string;
  /** Rises with each change of the bundle. */
  readonly sequence: number;
  /** At most one is prepared, exactly one active; in no order. */
  readonly authorities: readonly AuthorityRecord[];
}

/** A certificate that was issued, as it is kept. */
export interface StoredCertificate extends IssuedRecord {
  /** Identifier of the signer that signed it. */
  readonly signerId: string;
}

/** Which certificates to list. */
export interface IssuedQuery {
  /** Only those that end after this moment. */
  readonly nowMs: number;
  /** Only those that carry this name. */
  readonly name?: string;
  /** At most this many, newest first. */
  readonly limit: number;
}

/** What another replica changed, told when it can be read here. */
export type CaStoreChange =
  | { readonly kind: "state" }
  | { readonly kind: "revoked"; readonly serials: readonly string[] }
  | { readonly kind: "sealed"; readonly name: string };

/**
 * Remembers. Methods throw or reject with StatusError UNAVAILABLE when nothing could be read or
 * written; those that answer at once do so from what was read last.
 */
export interface CaStore {
  /** Reads what other replicas have written so far. */
  catchUp(): Eventually<void>;
  /** Returns the state that was read last, by whomever it was saved; undefined in an empty store. */
  load(): Eventually<CaState | undefined>;
  /** Replaces the state, atomically. Refuses with ABORTED one whose revision does not follow the last. */
  save(state: CaState): Eventually<void>;
  /** Adds a certificate that is about to be handed out. */
  addIssued(record: StoredCertificate): Eventually<void>;
  /** Returns a certificate by its serial number. */
  findIssued(serial: string): Eventually<StoredCertificate | undefined>;
  /** Returns certificates, newest first. */
  listIssued(query: IssuedQuery): Eventually<readonly StoredCertificate[]>;
  /** Returns the latest end of a certificate that was issued under the authority; 0 without any. */
  lastNotAfterMs(authorityId: string): Eventually<number>;
  /** Marks a certificate as revoked; the first reason stays. */
  revoke(revocation: Revocation): Eventually<void>;
  /** Tells whether a certificate that is kept is revoked. */
  isRevoked(serial: string): boolean;
  /** Returns the revoked certificates that end after `nowMs`, oldest revocation first. */
  listRevoked(nowMs: number): readonly StoredCertificate[];
  /** Forgets certificates that ended before the moment; returns how many. */
  forgetEndedBefore(atMs: number): Eventually<number>;
  /** Returns a sealed value by its name. */
  readSealed(name: string): Uint8Array | undefined;
  /** Replaces a sealed value. */
  writeSealed(name: string, sealed: Uint8Array): Eventually<void>;
  /** Replaces a sealed value if it still is `from`; tells whether it was. */
  replaceSealed(name: string, change: SealedChange): Eventually<boolean>;
  /** Tells of what other replicas changed until the returned function is called. */
  subscribe(listener: (change: CaStoreChange) => void): () => void;
}

/** A sealed value and what takes its place. */
export interface SealedChange {
  /** What was read; undefined when there was none. */
  readonly from: Uint8Array | undefined;
  /** What is to be kept. */
  readonly to: Uint8Array;
}

/** Refuses a state that somebody else was faster than. */
export function overtaken(): StatusError {
  const message = "cannot change CA as another replica has changed it meanwhile: try again";
  return new StatusError(StatusCode.ABORTED, message);
}

/** Tells whether two sealed values are the same, or both absent. */
export function isSameSealed(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return sameBytes(one, other);
}

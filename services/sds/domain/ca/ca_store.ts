// SPDX-License-Identifier: Apache-2.0
/**
 * The port behind which the CA remembers: its authorities with sealed keys, what it issued, what it
 * revoked, and a few other sealed values. Keys come in sealed and leave sealed.
 * @module
 */
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

/** All that the CA is. */
export interface CaState {
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

/** Remembers. Methods throw StatusError UNAVAILABLE when nothing could be read or written. */
export interface CaStore {
  /** Returns what was saved last; undefined in an empty store. */
  load(): CaState | undefined;
  /** Replaces the state, atomically. */
  save(state: CaState): void;
  /** Adds a certificate that is about to be handed out. */
  addIssued(record: StoredCertificate): void;
  /** Returns a certificate by its serial number. */
  findIssued(serial: string): StoredCertificate | undefined;
  /** Returns certificates, newest first. */
  listIssued(query: IssuedQuery): readonly StoredCertificate[];
  /** Returns the latest end of a certificate that was issued under the authority; 0 without any. */
  lastNotAfterMs(authorityId: string): number;
  /** Marks a certificate as revoked; the first reason stays. */
  revoke(revocation: Revocation): void;
  /** Returns the revoked certificates that end after `nowMs`, oldest revocation first. */
  listRevoked(nowMs: number): readonly StoredCertificate[];
  /** Forgets certificates that ended before the moment; returns how many. */
  forgetEndedBefore(atMs: number): number;
  /** Returns a sealed value by its name. */
  readSealed(name: string): Uint8Array | undefined;
  /** Replaces a sealed value. */
  writeSealed(name: string, sealed: Uint8Array): void;
}

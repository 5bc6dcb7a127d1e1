// SPDX-License-Identifier: Apache-2.0
/**
 * The ports through which the CA makes keys, signs and draws randomness.
 * @module
 */
import type { KeyType } from "../certificate_facts.ts";

/** A private key that can sign; the key itself does not show. */
export interface SigningKey {
  /** Its kind. */
  readonly type: KeyType;
  /** DER SubjectPublicKeyInfo of its public half. */
  readonly spki: Uint8Array;
  /** Signs the bytes; the signature is as it stands in a certificate. */
  sign(data: Uint8Array): Promise<Uint8Array>;
}

/** A key that was just made and can leave the process. */
export interface NewKey extends SigningKey {
  /** DER PKCS#8 of the private key. Not for logs or answers. */
  readonly pkcs8: Uint8Array;
}

/** Makes keys and takes keys in. */
export interface KeyMaker {
  /** Makes a key that was never given out before. */
  generate(type: KeyType): Promise<NewKey>;
  /** Takes in DER PKCS#8. Rejects with StatusError FAILED_PRECONDITION for a kind that no CA signs with. */
  import(pkcs8: Uint8Array): Promise<SigningKey>;
}

/** Random numbers of cryptographic quality, and the digest that identifiers are made with. */
export interface CaPrimitives {
  /** Random bytes. */
  randomBytes(count: number): Uint8Array;
  /** SHA-256. */
  sha256(bytes: Uint8Array): Uint8Array;
}

/** Keeps bytes secret at rest. */
export interface Sealer {
  /** Encrypts; the result differs each time. `context` must be the same for `open`. */
  seal(plain: Uint8Array, context: string): Promise<Uint8Array>;
  /** Decrypts. Rejects with StatusError FAILED_PRECONDITION for another key, context or changed bytes. */
  open(sealed: Uint8Array, context: string): Promise<Uint8Array>;
}

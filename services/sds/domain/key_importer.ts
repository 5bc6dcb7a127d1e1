// SPDX-License-Identifier: Apache-2.0
/**
 * The ports through which keys come in the forms that people have them, and proofs of identity are
 * read. No method quotes what it reads.
 * @module
 */
import type { Problem, Result } from "@denvoy/base";
import type { ProvenIdentity } from "./caller.ts";

/** Turns what users keep keys in into PEM without a passphrase. */
export interface KeyImporter {
  /** Returns a private key as PKCS#8 PEM, or why it cannot be read. */
  privateKey(
    text: { readonly pem: string; readonly passphrase?: string },
  ): Result<string, readonly Problem[]>;
  /** Returns what a PKCS#12 file holds, or why it cannot be read. */
  pkcs12(
    file: { readonly bytes: Uint8Array; readonly passphrase?: string },
  ): Result<{ readonly chainPem: string; readonly keyPem: string }, readonly Problem[]>;
}

/** Checks JWTs. */
export interface JwtVerifier {
  /** Returns the subject of a token, and until when it is. @throws StatusError UNAUTHENTICATED for one that proves nothing */
  verify(token: string): ProvenIdentity;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What may be told of a certificate, a revocation list and a key: everything but the key.
 * @module
 */

/** Kinds of key that Envoy takes and the CA can issue. */
export type KeyType = "ec-p256" | "ec-p384" | "rsa-2048" | "rsa-3072" | "rsa-4096" | "ed25519";

/** A public key. */
export interface KeyFacts {
  /** Family of algorithms; `other` is a key that Envoy cannot use. */
  readonly family: "ec" | "rsa" | "ed25519" | "other";
  /** Size of the modulus, or of the curve's field. */
  readonly bits: number;
  /** Name of the curve, e.g. `P-256`; only for `ec`. */
  readonly curve?: string;
}

/** What a certificate says. */
export interface CertificateFacts {
  /** In the form of RFC 4514, e.g. `CN=envoy-1,O=Denvoy`; empty for an empty subject. */
  readonly subject: string;
  /** The issuer's subject, in the same form. */
  readonly issuer: string;
  /** Serial number in lower-case hexadecimal digits, without leading zeros. */
  readonly serial: string;
  /** Start of its validity in milliseconds since the epoch. */
  readonly notBeforeMs: number;
  /** End of its validity in milliseconds since the epoch. */
  readonly notAfterMs: number;
  /** URI SANs in order. */
  readonly uriSans: readonly string[];
  /** DNS SANs in order. */
  readonly dnsSans: readonly string[];
  /** IP address SANs in order. */
  readonly ipSans: readonly string[];
  /** SHA-256 over its DER in lower-case hexadecimal digits. */
  readonly fingerprint: string;
  /** Its public key. */
  readonly key: KeyFacts;
  /** The digest in its signature, e.g. `sha256`; `none` for Ed25519, `unknown` for what is new. */
  readonly digest: string;
  /** Whether basic constraints say that it may sign certificates. */
  readonly isCa: boolean;
  /** How many intermediate CAs may follow it; absent is any number. */
  readonly pathLength?: number;
  /** Names of its key usages (RFC 5280, 4.2.1.3), e.g. `digitalSignature`; absent without the extension. */
  readonly keyUsages?: readonly string[];
  /** Object identifiers of its extended key usages; absent without the extension. */
  readonly extendedKeyUsages?: readonly string[];
  /** Hexadecimal subject key identifier. */
  readonly subjectKeyId?: string;
  /** Hexadecimal authority key identifier. */
  readonly authorityKeyId?: string;
  /** Where its issuer answers OCSP requests. */
  readonly ocspUrls: readonly string[];
}

/** What a revocation list says. */
export interface CrlFacts {
  /** The subject of its issuer, as in {@linkcode CertificateFacts.issuer}. */
  readonly issuer: string;
  /** When it was made, in milliseconds since the epoch. */
  readonly thisUpdateMs: number;
  /** When the next one is due; absent when it does not say. */
  readonly nextUpdateMs?: number;
  /** Serial numbers as in {@linkcode CertificateFacts.serial}. */
  readonly revokedSerials: readonly string[];
}

/** What an OCSP response says of one certificate. */
export interface OcspFacts {
  /** The state of the certificate. */
  readonly status: "good" | "revoked" | "unknown";
  /** Serial number that it is about. */
  readonly serial: string;
  /** When the answer was known to be right. */
  readonly thisUpdateMs: number;
  /** Until when it may be used; absent when it does not say. */
  readonly nextUpdateMs?: number;
}

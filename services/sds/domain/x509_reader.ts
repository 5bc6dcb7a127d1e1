// SPDX-License-Identifier: Apache-2.0
/**
 * The port through which certificates, keys and lists are read and compared. It does what needs a
 * cryptographic library; the rules about what is read are in `secret_check.ts` and `chain.ts`.
 * @module
 */
import type { CertificateFacts, CrlFacts, KeyFacts, OcspFacts } from "./certificate_facts.ts";

/** A certificate that was read. */
export interface ReadCertificate {
  /** Its bytes. */
  readonly der: Uint8Array;
  /** What it says. */
  readonly facts: CertificateFacts;
}

/** A revocation list that was read. */
export interface ReadCrl {
  /** Its bytes. */
  readonly der: Uint8Array;
  /** What it says. */
  readonly facts: CrlFacts;
}

/** Reads and compares. No method quotes key material in what it returns or throws. */
export interface X509Reader {
  /** Reads a certificate; undefined when the bytes are none. */
  readCertificate(der: Uint8Array): ReadCertificate | undefined;
  /** Reads a revocation list; undefined when the bytes are none. */
  readCrl(der: Uint8Array): ReadCrl | undefined;
  /** Reads a private key without a passphrase; undefined when it is none that can be used. */
  readKey(keyPem: string): KeyFacts | undefined;
  /** Reads an OCSP response; undefined when it is none, or not a successful one. */
  readOcsp(der: Uint8Array): OcspFacts | undefined;
  /** Tells whether the key belongs to the certificate. */
  keyBelongsTo(keyPem: string, certificate: ReadCertificate): boolean;
  /** Tells whether `issuer` is named in the certificate and its key made the signature. */
  isIssuedBy(certificate: ReadCertificate, issuer: ReadCertificate): boolean;
  /** Tells whether `issuer` is named in the list and its key made the signature. */
  isCrlIssuedBy(crl: ReadCrl, issuer: ReadCertificate): boolean;
}

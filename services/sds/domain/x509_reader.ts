// SPDX-License-Identifier: Apache-2.0
/**
 * The port through which certificates, keys and lists are read and compared. It does what needs a
 * cryptographic library; the rules about what is read are in `secret_check.ts` and `chain.ts`.
 * @module
 */
import type { CertificateFacts, CrlFacts, KeyFacts } from "./certificate_facts.ts";

/** A certificate that was read. */
export interface ReadCertificate {
  /** Its bytes. */
  readonly der: Uint8Array;
  /** DER Name of its subject, as it stands there. */
  readonly subjectDer: Uint8Array;
  /** DER Name of its issuer, as it stands there. */
  readonly issuerDer: Uint8Array;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** What it says. */
  readonly facts: CertificateFacts;
}

/** A revocation list that was read. */
export interface ReadCrl {
  /** Its bytes. */
  readonly der: Uint8Array;
  /** DER Name of its issuer, as it stands there. */
  readonly issuerDer: Uint8Array;
  /** What it says. */
  readonly facts: CrlFacts;
}

/** Whether a signature is right; `unsupported` for algorithms that cannot be computed here. */
export type SignatureVerdict = "right" | "wrong" | "unsupported";

/** A request for a certificate (PKCS#10) whose signature is right. */
export interface ReadCsr {
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** Its public key. */
  readonly key: KeyFacts;
  /** Digest of its signature, as in {@linkcode CertificateFacts.digest}. */
  readonly digest: string;
}

/** Reads and compares. No method quotes key material in what it returns or throws. */
export interface X509Reader {
  /** Reads a certificate; undefined when the bytes are none. */
  readCertificate(der: Uint8Array): ReadCertificate | undefined;
  /** Reads a revocation list; undefined when the bytes are none. */
  readCrl(der: Uint8Array): ReadCrl | undefined;
  /** Reads a private key without a passphrase; undefined when it is none that can be used. */
  readKey(keyPem: string): KeyFacts | undefined;
  /** Reads a request; undefined when it is none, or its signature is not that of its own key. */
  readCsr(der: Uint8Array): Promise<ReadCsr | undefined>;
  /** Returns the public key of a certificate as JWK (RFC 7517); empty when it cannot be read. */
  publicJwk(certificateDer: Uint8Array): Readonly<Record<string, unknown>>;
  /** Tells whether the key belongs to the certificate. */
  keyBelongsTo(keyPem: string, certificate: ReadCertificate): boolean;
  /** Tells whether the issuer's key made the signature of a certificate, a list or a request. */
  signatureOf(signedDer: Uint8Array, issuerSpki: Uint8Array): SignatureVerdict;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What a secret consists of, before it is checked and before it is put into Envoy's message. Values
 * of this module hold keys: they are never logged, listed or put into an error.
 * @module
 */

/** The kinds of secret that Envoy knows (`envoy.extensions.transport_sockets.tls.v3.Secret`). */
export type SecretKind = SecretMaterial["kind"];

/** One secret; PEM is text, everything else bytes. */
export type SecretMaterial =
  | TlsCertificateMaterial
  | ValidationContextMaterial
  | SessionTicketMaterial
  | GenericMaterial;

/** A certificate with its key (`TlsCertificate`). */
export interface TlsCertificateMaterial {
  /** Tells it apart. */
  readonly kind: "tls-certificate";
  /** PEM certificates, leaf first, each signed by the next; the root may be left out. */
  readonly chainPem: string;
  /** PEM private key of the leaf without a passphrase: PKCS#8, PKCS#1 or SEC1. */
  readonly keyPem: string;
  /** DER of an OCSP response for the leaf. */
  readonly ocspStaple?: Uint8Array;
}

/** Whom to trust (`CertificateValidationContext`). */
export interface ValidationContextMaterial {
  /** Tells it apart. */
  readonly kind: "validation-context";
  /** PEM of the trusted CA certificates of the own trust domain. */
  readonly bundlePem: string;
  /** PEM of revocation lists, one for each CA in the chain (Envoy refuses a chain without). */
  readonly crlPem?: string;
  /** Checks only the leaf against the lists, so that only its issuer needs one. @default false */
  readonly onlyVerifyLeafCrl?: boolean;
  /** The peer must have one of these names; any name passes when empty. */
  readonly sanMatchers: readonly SanMatcher[];
  /**
   * Bundles by trust domain, the own among them. When present, Envoy takes a peer's SPIFFE ID into
   * account: a certificate of one trust domain proves nothing in another
   * (`envoy.tls.cert_validator.spiffe`). It does not look at `crlPem` then.
   */
  readonly trustDomains?: readonly TrustDomainBundle[];
}

/** The CA certificates of one trust domain. */
export interface TrustDomainBundle {
  /** Name without scheme, e.g. `shop.example`. */
  readonly trustDomain: string;
  /** PEM of its CA certificates. */
  readonly bundlePem: string;
}

/** A rule about the names of a peer (`SubjectAltNameMatcher`). */
export interface SanMatcher {
  /** Which names it looks at. */
  readonly sanType: "URI" | "DNS" | "EMAIL" | "IP_ADDRESS";
  /** How the name must compare with `value`. */
  readonly match: "exact" | "prefix" | "suffix" | "contains" | "regex";
  /** What it is compared with; RE2 syntax for `regex`. */
  readonly value: string;
}

/** Keys for TLS session tickets (`TlsSessionTicketKeys`). */
export interface SessionTicketMaterial {
  /** Tells it apart. */
  readonly kind: "session-ticket-keys";
  /** Keys of exactly 80 bytes; the first encrypts, all decrypt. */
  readonly keys: readonly Uint8Array[];
}

/** Anything else (`GenericSecret`), e.g. an OAuth client secret. */
export interface GenericMaterial {
  /** Tells it apart. */
  readonly kind: "generic";
  /** The one value; absent when there are only named ones. */
  readonly secret?: Uint8Array;
  /** Values by name. */
  readonly secrets?: ReadonlyMap<string, Uint8Array>;
}

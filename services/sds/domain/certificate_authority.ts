// SPDX-License-Identifier: Apache-2.0
/**
 * The port of the CA: what issuing, trust and rotation look like to whoever serves them. The built-in
 * CA in `ca/` implements it.
 * @module
 */
import type { CertificateFacts, KeyType } from "./certificate_facts.ts";

/** For whom a certificate is made: at least one name. */
export interface CertificateNamesWanted {
  /** URI SAN `spiffe://<trust domain>/…`; makes an X.509-SVID, in which it is the only URI. */
  readonly spiffeId?: string;
  /** DNS SANs. */
  readonly dnsNames?: readonly string[];
  /** IP address SANs. */
  readonly ipAddresses?: readonly string[];
}

/** What is asked of the CA. */
export interface IssueRequest extends CertificateNamesWanted {
  /** Kind of the new key. @default "ec-p256" */
  readonly keyType?: KeyType;
  /** Life in milliseconds; cut to what is left of the issuer's. @default the CA's leaf life (24 h) */
  readonly lifetimeMs?: number;
}

/** What is asked of the CA for a key that it does not know. */
export interface SignCsrRequest extends CertificateNamesWanted {
  /** PEM of a PKCS#10 request; its signature and its key's strength are checked, its names ignored. */
  readonly csrPem: string;
  /** As in {@linkcode IssueRequest}. */
  readonly lifetimeMs?: number;
}

/** A certificate that the CA signed. */
export interface SignedCertificate {
  /** PEM, leaf first, then the intermediates; without the root. */
  readonly chainPem: string;
  /** What the leaf says. */
  readonly facts: CertificateFacts;
}

/** A certificate with the key that was made for it. */
export interface Issued extends SignedCertificate {
  /** PEM PKCS#8 private key. Kept in memory only; not for logs or answers. */
  readonly keyPem: string;
}

/** Why a certificate is revoked (RFC 5280, 5.3.1). */
export type RevocationReason =
  | "unspecified"
  | "keyCompromise"
  | "affiliationChanged"
  | "superseded"
  | "cessationOfOperation";

/** A revoked certificate. */
export interface Revocation {
  /** Serial number as in {@linkcode CertificateFacts.serial}. */
  readonly serial: string;
  /** When it was revoked. */
  readonly revokedAtMs: number;
  /** Why. */
  readonly reason: RevocationReason;
  /** When the certificate ends by itself; it leaves the list after that. */
  readonly notAfterMs: number;
}

/** What is kept of a certificate that was issued: no key. */
export interface IssuedRecord {
  /** Serial number as in {@linkcode CertificateFacts.serial}. */
  readonly serial: string;
  /** Its names: URI SAN first, then DNS and IP SANs. */
  readonly names: readonly string[];
  /** Start of its validity. */
  readonly notBeforeMs: number;
  /** End of its validity. */
  readonly notAfterMs: number;
  /** Identifier of the authority under which it was signed. */
  readonly authorityId: string;
  /** Present once it was revoked. */
  readonly revocation?: Revocation;
}

/** Which certificates to list. */
export interface ListIssuedOptions {
  /** At most this many. @default 1000 */
  readonly limit?: number;
  /** Only those that carry this name. */
  readonly name?: string;
}

/** Where a root stands: trusted only, trusted and signing, or trusted only again. */
export type AuthorityState = "prepared" | "active" | "retiring";

/** A root with who signs under it. */
export interface AuthorityFacts {
  /** Its identifier: the subject key identifier in hexadecimal digits. */
  readonly id: string;
  /** Where it stands. */
  readonly state: AuthorityState;
  /** Whether the root's key is elsewhere, so that there is no revocation list of the root. */
  readonly outside: boolean;
  /** The root. */
  readonly certificate: CertificateFacts;
  /** The certificate that signs leaves under it. */
  readonly signer: CertificateFacts;
}

/** Whom to trust, now. */
export interface TrustBundle {
  /** Trust domain, e.g. `denvoy.local`. */
  readonly trustDomain: string;
  /** PEM of every trusted root. */
  readonly bundlePem: string;
  /** Rises with every change of the bundle (SPIFFE bundle `spiffe_sequence`). */
  readonly sequence: number;
  /** Its authorities, active first. */
  readonly authorities: readonly AuthorityFacts[];
}

/** What changed, told after it was written down. */
export type AuthorityEvent =
  | { readonly kind: "bundle-changed"; readonly bundle: TrustBundle }
  | { readonly kind: "signer-changed"; readonly authorityId: string }
  | { readonly kind: "crl-changed" }
  | { readonly kind: "revoked"; readonly revocation: Revocation };

/**
 * Issues and revokes certificates, and says whom to trust. Requests that break a rule reject with
 * StatusError INVALID_ARGUMENT or FAILED_PRECONDITION.
 */
export interface CertificateAuthority {
  /** The trust domain of its SVIDs. */
  readonly trustDomain: string;
  /** Makes a key and signs a certificate for it; never the same key twice. */
  issue(request: IssueRequest): Promise<Issued>;
  /** Signs a certificate for a key that stays with whoever asked. */
  signCsr(request: SignCsrRequest): Promise<SignedCertificate>;
  /** Whom to trust, now. */
  trustBundle(): TrustBundle;
  /** Certificates that are still valid, newest first. */
  listIssued(
    options?: { readonly limit?: number; readonly name?: string },
  ): Promise<readonly IssuedRecord[]>;
  /** Tells whether it has revoked the certificate with this serial number. */
  isRevoked(serial: string): boolean;
  /** Revokes. @throws StatusError NOT_FOUND for a serial that it never issued. */
  revoke(serial: string, reason?: RevocationReason): Promise<Revocation>;
  /**
   * PEM of the revocation lists of every CA that may stand in a chain, so that Envoy, which refuses a
   * chain with a CA without list, has them all; empty while no certificate that is still valid is
   * revoked. Under an outside CA there is none for its root: check the leaf's only.
   */
  crlPem(): string;
  /**
   * PEM of the certificates of every CA that may stand in a chain, and of its revocation list, also
   * while nothing is revoked: for those who verify certificates by a file (`--tls-crl`).
   */
  publishedLists(): Promise<string>;
  /** Makes the next root: trusted from now on, not signing yet. */
  prepareRoot(): Promise<AuthorityFacts>;
  /** Lets the prepared root sign; the one before it stays trusted. */
  activateRoot(options?: { readonly force?: boolean }): Promise<AuthorityFacts>;
  /** Takes the root before the active one out of the bundle. */
  retireRoot(options?: { readonly force?: boolean }): Promise<AuthorityFacts>;
  /** Tells of every change until the returned function is called. */
  subscribe(listener: (event: AuthorityEvent) => void): () => void;
}

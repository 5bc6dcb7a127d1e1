// SPDX-License-Identifier: Apache-2.0
/**
 * Reads the certificates in a part of a secret.
 * @module
 */
import { readPem } from "./pem.ts";
import type { ProblemList } from "./problem_list.ts";
import type { SecretPart } from "./secret_check.ts";
import type { ReadCertificate, X509Reader } from "./x509_reader.ts";

/** A certificate and where it stands. */
export interface PlacedCertificate extends ReadCertificate {
  /** 1-based line of its BEGIN. */
  readonly line: number;
  /** 1-based number among the certificates of its part. */
  readonly number: number;
}

/** Where certificates are read from. */
export interface CertificateText {
  /** The part, for the place of a problem. */
  readonly part: SecretPart;
  /** PEM. */
  readonly pem: string;
  /** At most this many. */
  readonly max: number;
}

/** `openssl` writes the first; the second is its old name. */
const LABELS: readonly string[] = ["CERTIFICATE", "X509 CERTIFICATE"];

/** Returns the certificates; empty, with at least one error, when they cannot be read. */
export function readCertificates(
  { part, pem, max }: CertificateText,
  { problems, x509 }: { readonly problems: ProblemList; readonly x509: X509Reader },
): readonly PlacedCertificate[] {
  const blocks = readPem(pem);
  if (!blocks.ok) {
    problems.error(part, blocks.error);
    return [];
  }
  const refuse = (rule: string, line = 1) =>
    problems.error(part, { message: `cannot use certificates as ${rule}`, line });
  if (blocks.value.length === 0 || blocks.value.length > max) {
    refuse(`there must be 1 to ${max} in PEM: there are ${blocks.value.length}`);
    return [];
  }
  const certificates: PlacedCertificate[] = [];
  for (const [index, { label, der, line }] of blocks.value.entries()) {
    if (!LABELS.includes(label)) refuse(`nothing else may stand beside them: "${label}"`, line);
    else {
      const read = x509.readCertificate(der);
      if (read === undefined) refuse(`each must be X.509: number ${index + 1} is not`, line);
      else certificates.push({ ...read, line, number: index + 1 });
    }
  }
  return certificates.length === blocks.value.length ? certificates : [];
}

/** Tells whether `issuer` is the issuer by name. */
export function isNamedIssuer(certificate: ReadCertificate, issuer: ReadCertificate): boolean {
  return sameBytes(certificate.issuerDer, issuer.subjectDer);
}

/** Tells whether the certificate names itself as its issuer. */
export function isSelfIssued(certificate: ReadCertificate): boolean {
  return isNamedIssuer(certificate, certificate);
}

/** Tells whether both hold the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

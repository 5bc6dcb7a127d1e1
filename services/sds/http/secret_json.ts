// SPDX-License-Identifier: Apache-2.0
/**
 * Secrets as people are shown them: everything but the secret.
 * @module
 */
import { isoTime } from "@denvoy/base";
import type { CertificateFacts } from "../domain/certificate_facts.ts";
import type { IssuedCertificate } from "../domain/issued_certificates.ts";
import type { ServedSecret } from "../domain/secret_book.ts";
import { daysLeft, expiryOf } from "../domain/secret_expiry.ts";
import type { SecretFacts } from "../domain/secret_facts.ts";

/** Returns a named secret. */
export function secretJson(
  { name, source, resource, sinceMs, checked }: ServedSecret,
  nowMs: number,
): Readonly<Record<string, unknown>> {
  const { facts, warnings } = checked;
  return {
    name,
    source,
    kind: facts.kind,
    version: resource.version,
    since: isoTime(sinceMs),
    ...expiryJson(facts, nowMs),
    ...detailJson(facts),
    warnings: warnings.map(({ message }) => message),
  };
}

/** Returns the certificate of a workload. */
export function workloadJson(
  { id, issued, renewAtMs }: IssuedCertificate,
  nowMs: number,
): Readonly<Record<string, unknown>> {
  const { facts } = issued;
  return {
    name: id,
    source: "workload",
    kind: "tls-certificate",
    ...endJson(facts.notAfterMs, nowMs),
    renewAt: isoTime(renewAtMs),
    certificate: certificateJson(facts),
  };
}

/** Returns when a secret ends and who issued it, for those that end. */
export function expiryJson(facts: SecretFacts, nowMs: number): Readonly<Record<string, unknown>> {
  const notAfterMs = expiryOf(facts);
  if (notAfterMs === undefined) return {};
  const issuer = facts.kind === "tls-certificate" ? { issuer: facts.leaf.issuer } : {};
  return { ...endJson(notAfterMs, nowMs), ...issuer };
}

/** Returns what a certificate says. */
export function certificateJson(facts: CertificateFacts): Readonly<Record<string, unknown>> {
  const { subject, issuer, serial, fingerprint, uriSans, dnsSans, ipSans, key } = facts;
  return {
    subject,
    issuer,
    serial,
    fingerprint,
    notBefore: isoTime(facts.notBeforeMs),
    notAfter: isoTime(facts.notAfterMs),
    uriSans,
    dnsSans,
    ipSans,
    keyType: key.curve === undefined ? `${key.family}-${key.bits}` : `${key.family} ${key.curve}`,
  };
}

function endJson(notAfterMs: number, nowMs: number) {
  return { notAfter: isoTime(notAfterMs), daysLeft: daysLeft(notAfterMs, nowMs) };
}

function detailJson(facts: SecretFacts): Readonly<Record<string, unknown>> {
  switch (facts.kind) {
    case "tls-certificate":
      return {
        certificate: certificateJson(facts.leaf),
        chain: facts.chain.length,
        ...(facts.ocsp !== undefined && { ocsp: facts.ocsp.status }),
      };
    case "validation-context":
      return {
        authorities: facts.authorities.map(certificateJson),
        revoked: facts.crls.reduce((sum, { revokedSerials }) => sum + revokedSerials.length, 0),
        trustDomains: facts.trustDomains,
      };
    case "session-ticket-keys":
      return { keys: facts.keyCount };
    case "generic":
      return { values: facts.names };
  }
}

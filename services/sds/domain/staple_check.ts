// SPDX-License-Identifier: Apache-2.0
/**
 * Whether an OCSP response may be stapled to a certificate. Envoy NACKs what it cannot read, and drops
 * connections of must-staple certificates whose staple has ended.
 * @module
 */
import { isNamedIssuer, type PlacedCertificate } from "./certificate_block.ts";
import type { OcspFacts } from "./certificate_facts.ts";
import { type ReadOcsp, readOcspResponse } from "./ocsp.ts";
import type { CheckContext } from "./secret_check.ts";
import type { ReadCertificate, X509Reader } from "./x509_reader.ts";

const OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
/** Clocks of responders may be ahead by this. */
const SKEW_MS = 300_000;

/** Checks a staple against its chain; returns what it says when it can be read. */
export function checkStaple(
  staple: Uint8Array | undefined,
  chain: readonly PlacedCertificate[],
  { problems, x509, nowMs }: CheckContext,
): OcspFacts | undefined {
  if (staple === undefined) return undefined;
  const response = readOcspResponse(staple);
  const problem = response === undefined
    ? "it must be a successful OCSP response in DER: is not"
    : stapleProblem(response, chain, { x509, nowMs });
  if (problem !== undefined) {
    problems.error("ocsp", { message: `cannot use OCSP staple as ${problem}` });
  }
  return response?.facts;
}

/** Returns which rule a response breaks; undefined when it may be stapled. */
export function stapleProblem(
  response: ReadOcsp,
  [leaf, issuer]: readonly ReadCertificate[],
  { x509, nowMs }: { readonly x509: X509Reader; readonly nowMs: number },
): string | undefined {
  const { status, serial, thisUpdateMs, nextUpdateMs } = response.facts;
  if (serial !== leaf?.facts.serial) {
    return `it must be about certificate ${leaf?.facts.serial}: is about ${serial}`;
  }
  if (status !== "good") return `it must say that the certificate is good: says ${status}`;
  if (thisUpdateMs > nowMs + SKEW_MS) {
    return `it must be valid already: is from ${new Date(thisUpdateMs).toISOString()} on`;
  }
  if (nextUpdateMs !== undefined && nextUpdateMs <= nowMs) {
    return `it must not have ended: did so ${new Date(nextUpdateMs).toISOString()}`;
  }
  if (issuer === undefined || isSignedFor(response, issuer, x509)) return undefined;
  return "it must be signed by the certificate's issuer, or by a responder that it named: is not";
}

/** RFC 6960, 4.2.2.2: the issuer itself, or who has its certificate with id-kp-OCSPSigning. */
function isSignedFor(response: ReadOcsp, issuer: ReadCertificate, x509: X509Reader): boolean {
  const { signedDer, certificates } = response;
  if (x509.signatureOf(signedDer, issuer.spki) !== "wrong") return true;
  return certificates.some((der) => {
    const responder = x509.readCertificate(der);
    return responder !== undefined && isNamedIssuer(responder, issuer) &&
      responder.facts.extendedKeyUsages?.includes(OCSP_SIGNING) === true &&
      x509.signatureOf(responder.der, issuer.spki) === "right" &&
      x509.signatureOf(signedDer, responder.spki) === "right";
  });
}

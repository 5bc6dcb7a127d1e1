// SPDX-License-Identifier: Apache-2.0
/**
 * Whether the revocation lists of a validation context work: Envoy refuses every peer of a CA whose list
 * has ended, and, once there is one list, every peer of a CA without.
 * @module
 */
import { nameOf } from "./chain_check.ts";
import { type PlacedCertificate, sameBytes } from "./certificate_block.ts";
import { readPem } from "./pem.ts";
import type { CheckContext } from "./secret_check.ts";
import type { ValidationContextMaterial } from "./secret_material.ts";
import type { ReadCrl } from "./x509_reader.ts";

const LABEL = "X509 CRL";
const MAX_LISTS = 1000;

/** Checks the lists; returns those that can be read. */
export function checkCrls(
  material: ValidationContextMaterial,
  authorities: readonly PlacedCertificate[],
  check: CheckContext,
): readonly ReadCrl[] {
  if (material.crlPem === undefined || material.crlPem.trim() === "") return [];
  const crls = readCrls(material.crlPem, check);
  for (const { crl, line } of crls) checkCrl(crl, { authorities, line, check });
  if (material.onlyVerifyLeafCrl !== true) requireAll(authorities, crls, check);
  return crls.map(({ crl }) => crl);
}

interface PlacedCrl {
  readonly crl: ReadCrl;
  readonly line: number;
}

function readCrls(pem: string, { problems, x509 }: CheckContext): readonly PlacedCrl[] {
  const blocks = readPem(pem);
  if (!blocks.ok) {
    problems.error("crl", blocks.error);
    return [];
  }
  const refuse = (rule: string, line: number) =>
    problems.error("crl", { message: `cannot use revocation lists as ${rule}`, line });
  if (blocks.value.length === 0 || blocks.value.length > MAX_LISTS) {
    refuse(`there must be 1 to ${MAX_LISTS} in PEM: there are ${blocks.value.length}`, 1);
    return [];
  }
  return blocks.value.flatMap(({ label, der, line }, index) => {
    const crl = label === LABEL ? x509.readCrl(der) : undefined;
    if (crl !== undefined) return { crl, line };
    refuse(`each must be "${LABEL}": number ${index + 1} is "${label}" or cannot be read`, line);
    return [];
  });
}

function checkCrl(
  { facts, issuerDer, der }: ReadCrl,
  { authorities, line, check }: {
    readonly authorities: readonly PlacedCertificate[];
    readonly line: number;
    readonly check: CheckContext;
  },
): void {
  const { problems, nowMs, x509 } = check;
  const refuse = (rule: string) => {
    const message = `cannot use revocation list of "${facts.issuer}" as ${rule}`;
    problems.error("crl", { message, line });
  };
  const { thisUpdateMs, nextUpdateMs } = facts;
  if (thisUpdateMs > nowMs) refuse(`it must be valid already: is from ${iso(thisUpdateMs)} on`);
  if (nextUpdateMs !== undefined && nextUpdateMs <= nowMs) {
    refuse(`it must not have ended: did so ${iso(nextUpdateMs)}`);
  }
  const issuers = authorities.filter(({ subjectDer }) => sameBytes(subjectDer, issuerDer));
  if (issuers.length === 0) return;
  const wrong = issuers.every(({ spki }) => x509.signatureOf(der, spki) === "wrong");
  if (wrong) refuse("the key of its issuer must have signed it: it has not");
}

function requireAll(
  authorities: readonly PlacedCertificate[],
  crls: readonly PlacedCrl[],
  { problems }: CheckContext,
): void {
  for (const authority of authorities) {
    if (crls.some(({ crl }) => sameBytes(crl.issuerDer, authority.subjectDer))) continue;
    const message = `cannot use revocation lists as each CA must have one: ${nameOf(authority)} ` +
      `has none`;
    const hint = "or check only the list of the leaf's issuer: only_verify_leaf_cert_crl";
    problems.error("crl", { message, hint });
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

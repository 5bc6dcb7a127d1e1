// SPDX-License-Identifier: Apache-2.0
/**
 * Whether a certificate chain can be served: dates, strength, order, signatures, and the rules of
 * X.509-SVID where the leaf has a SPIFFE ID.
 * @module
 */
import { isNamedIssuer, isSelfIssued, type PlacedCertificate } from "./certificate_block.ts";
import type { CertificateFacts } from "./certificate_facts.ts";
import { digestProblem, keyStrengthProblem } from "./key_strength.ts";
import type { ProblemList } from "./problem_list.ts";
import { svidProblem } from "./svid.ts";
import type { X509Reader } from "./x509_reader.ts";

/** What a check of a chain needs. */
export interface ChainCheck {
  /** Gathers what is wrong. */
  readonly problems: ProblemList;
  /** Compares signatures. */
  readonly x509: X509Reader;
  /** The present. */
  readonly nowMs: number;
}

const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const ANY_USAGE = "2.5.29.37.0";
/** Whoever renews in time never has less than this share of a life left. */
const SHORT_SHARE = 0.1;
const DAY_MS = 86_400_000;

/** Checks a chain, leaf first. */
export function checkChain(chain: readonly PlacedCertificate[], check: ChainCheck): void {
  const [leaf] = chain;
  if (leaf !== undefined) checkLeaf(leaf, check.problems);
  checkLinks(chain, check);
}

/** Checks dates, strength, order and signatures, but not what is particular to a leaf. */
export function checkLinks(chain: readonly PlacedCertificate[], check: ChainCheck): void {
  for (const certificate of chain) {
    checkDates(certificate, check);
    checkStrength(certificate, check);
  }
  for (const [index, issuer] of chain.entries()) {
    const issued = chain[index - 1];
    if (issued !== undefined) checkLink({ issued, issuer, chain }, check);
  }
}

/** Says what is wrong with a certificate now, by its dates; returns undefined when nothing is. */
export function dateProblem(facts: CertificateFacts, nowMs: number): string | undefined {
  if (nowMs >= facts.notAfterMs) return `it must not have expired: did so ${iso(facts.notAfterMs)}`;
  if (nowMs >= facts.notBeforeMs) return undefined;
  return `it must be valid already: is from ${iso(facts.notBeforeMs)} on`;
}

/** Names a certificate for a message. */
export function nameOf(certificate: PlacedCertificate): string {
  const { subject, uriSans, dnsSans } = certificate.facts;
  const name = subject || uriSans[0] || dnsSans[0] || certificate.facts.serial;
  return `certificate ${certificate.number} ("${name.slice(0, 120)}")`;
}

function checkDates(certificate: PlacedCertificate, { problems, nowMs }: ChainCheck): void {
  const { facts, line } = certificate;
  const problem = dateProblem(facts, nowMs);
  if (problem !== undefined) {
    problems.error("chain", { message: `cannot use ${nameOf(certificate)} as ${problem}`, line });
    return;
  }
  const leftMs = facts.notAfterMs - nowMs;
  if (leftMs >= (facts.notAfterMs - facts.notBeforeMs) * SHORT_SHARE) return;
  const days = (leftMs / DAY_MS).toFixed(1);
  const message = `${nameOf(certificate)} expires in ${days} days, at ${iso(facts.notAfterMs)}`;
  problems.warn("chain", { message, line });
}

function checkStrength(certificate: PlacedCertificate, { problems }: ChainCheck): void {
  const { facts, line } = certificate;
  const digest = isSelfIssued(certificate) && certificate.number > 1
    ? undefined
    : digestProblem(facts.digest);
  for (const problem of [keyStrengthProblem(facts.key), digest]) {
    if (problem === undefined) continue;
    problems.error("chain", { message: `cannot use ${nameOf(certificate)} as ${problem}`, line });
  }
}

function checkLeaf(leaf: PlacedCertificate, problems: ProblemList): void {
  const { facts, line } = leaf;
  const { uriSans, dnsSans, ipSans, extendedKeyUsages } = facts;
  const svid = svidProblem(facts);
  if (svid !== undefined) {
    problems.error("chain", { message: `cannot use ${nameOf(leaf)} as ${svid}`, line });
  }
  const warn = (what: string) =>
    problems.warn("chain", { message: `${nameOf(leaf)} ${what}`, line });
  if (uriSans.length + dnsSans.length + ipSans.length === 0) {
    warn("has no URI, DNS or IP SAN: peers do not look at its subject");
  }
  const usages = [SERVER_AUTH, CLIENT_AUTH, ANY_USAGE];
  if (extendedKeyUsages?.some((usage) => usages.includes(usage)) === false) {
    warn("may be used neither by a TLS server nor by a TLS client: see its extended key usage");
  }
  if (facts.isCa) warn("may sign other certificates: whoever has its key can pose as anyone");
}

interface Link {
  readonly issued: PlacedCertificate;
  readonly issuer: PlacedCertificate;
  readonly chain: readonly PlacedCertificate[];
}

function checkLink({ issued, issuer, chain }: Link, { problems, x509 }: ChainCheck): void {
  const refuse = (rule: string, hint?: string) => {
    const message = `cannot use ${nameOf(issuer)} as ${rule}`;
    problems.error("chain", { message, line: issuer.line, ...(hint !== undefined && { hint }) });
  };
  if (!isNamedIssuer(issued, issuer)) {
    const rule = `it must be the issuer of the one before it: that is "${issued.facts.issuer}"`;
    refuse(rule, orderHint(issued, chain));
    return;
  }
  const verdict = x509.signatureOf(issued.der, issuer.spki);
  if (verdict === "wrong") refuse("its key must have signed the one before it: it has not");
  if (verdict === "unsupported") {
    const message = `the signature of ${nameOf(issued)} is of a kind that is not checked here`;
    problems.warn("chain", { message, line: issued.line });
  }
  const problem = issuerProblem(issuer, chain);
  if (problem !== undefined) refuse(problem);
}

function issuerProblem(
  issuer: PlacedCertificate,
  chain: readonly PlacedCertificate[],
): string | undefined {
  const { isCa, keyUsages, pathLength } = issuer.facts;
  if (!isCa) return "whoever issues must be a CA by its basic constraints: is not";
  if (keyUsages?.includes("keyCertSign") === false) {
    return "whoever issues must have the key usage keyCertSign: has not";
  }
  const between = chain.slice(1, issuer.number - 1).filter((one) => !isSelfIssued(one)).length;
  if (pathLength === undefined || between <= pathLength) return undefined;
  return `at most ${pathLength} CAs may stand between it and the leaf: there are ${between}`;
}

function orderHint(
  issued: PlacedCertificate,
  chain: readonly PlacedCertificate[],
): string | undefined {
  const right = chain.find((other) => other !== issued && isNamedIssuer(issued, other));
  return right === undefined
    ? "its issuer is missing"
    : `the order is leaf first, then its issuer: that is certificate ${right.number}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

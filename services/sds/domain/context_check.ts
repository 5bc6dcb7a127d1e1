// SPDX-License-Identifier: Apache-2.0
/**
 * Whether a validation context can be served: its CA certificates, its revocation lists, its rules about
 * names, and the bundles of other trust domains.
 * @module
 */
import {
  isNamedIssuer,
  type PlacedCertificate,
  readCertificates,
  sameBytes,
} from "./certificate_block.ts";
import { dateProblem, nameOf } from "./chain_check.ts";
import { checkCrls } from "./crl_check.ts";
import { keyStrengthProblem } from "./key_strength.ts";
import type { CheckContext } from "./secret_check.ts";
import type { SecretFacts } from "./secret_facts.ts";
import type {
  SanMatcher,
  TrustDomainBundle,
  ValidationContextMaterial,
} from "./secret_material.ts";
import { trustDomainProblem } from "./spiffe_id.ts";

const MAX_AUTHORITIES = 1000;
/** RE2, which Envoy uses, knows neither looking around nor references back. */
const NOT_RE2 = /\(\?(?:[=!]|<[=!])|\\[1-9]|\\k</;

/** Checks a context; undefined, with at least one error, when there is nothing to tell. */
export function checkContext(
  material: ValidationContextMaterial,
  check: CheckContext,
): SecretFacts | undefined {
  const federated = material.trustDomains ?? [];
  const own = checkBundle(material.bundlePem, check);
  const others = federated.flatMap((one) => checkFederated(one, check));
  checkTrustDomainNames(federated, check);
  for (const matcher of material.sanMatchers) checkMatcher(matcher, check);
  const crls = checkCrls(material, own, check);
  if (crls.length > 0 && federated.length > 0) {
    // Measured with Envoy 1.40: a revoked peer is let in.
    const message =
      "Envoy does not look at revocation lists where bundles of trust domains are given";
    check.problems.warn("crl", { message, hint: "use the bundle of one trust domain" });
  }
  const authorities = [...own, ...others].map(({ facts }) => facts);
  if (authorities.length === 0) return undefined;
  return {
    kind: "validation-context",
    authorities,
    crls: crls.map(({ facts }) => facts),
    trustDomains: federated.map(({ trustDomain }) => trustDomain),
    notAfterMs: Math.max(...authorities.map(({ notAfterMs }) => notAfterMs)),
  };
}

/** A bundle that nothing can be verified with is refused; a useless certificate in it is a warning. */
function checkBundle(pem: string, check: CheckContext): readonly PlacedCertificate[] {
  const { problems, nowMs } = check;
  const read = readCertificates({ part: "bundle", pem, max: MAX_AUTHORITIES }, check);
  for (const certificate of read) checkAuthority(certificate, { among: read, check });
  const dead = read.filter(({ facts }) => dateProblem(facts, nowMs) !== undefined);
  if (read.length > 0 && dead.length === read.length) {
    const [first] = dead;
    const why = first === undefined ? "" : dateProblem(first.facts, nowMs);
    const message = `cannot use bundle as one certificate of it must be valid now: of ` +
      `${read.length} none is; of the first, ${why}`;
    problems.error("bundle", { message });
  }
  return read;
}

function checkAuthority(
  certificate: PlacedCertificate,
  { among, check }: {
    readonly among: readonly PlacedCertificate[];
    readonly check: CheckContext;
  },
): void {
  const { problems, nowMs } = check;
  const { facts, line } = certificate;
  const weak = keyStrengthProblem(facts.key);
  if (weak !== undefined) {
    problems.error("bundle", { message: `cannot trust ${nameOf(certificate)} as ${weak}`, line });
  }
  const warn = (what: string) =>
    problems.warn("bundle", { message: `${nameOf(certificate)} ${what}`, line });
  const dates = dateProblem(facts, nowMs);
  if (dates !== undefined) warn(`is of no use: ${dates}`);
  if (!facts.isCa && !isNamedIssuer(certificate, certificate)) {
    warn("is no CA by its basic constraints: nothing that it signed is trusted");
  }
  const twin = among.find((other) =>
    other.number < certificate.number && sameBytes(other.der, certificate.der)
  );
  if (twin !== undefined) warn(`is the same as number ${twin.number}`);
}

function checkFederated(
  { trustDomain, bundlePem }: TrustDomainBundle,
  check: CheckContext,
): readonly PlacedCertificate[] {
  const problem = trustDomainProblem(trustDomain);
  if (problem !== undefined) {
    const message = `cannot use bundle of "${trustDomain.slice(0, 100)}" as ${problem}`;
    check.problems.error("bundle", { message });
  }
  return checkBundle(bundlePem, check);
}

function checkTrustDomainNames(
  federated: readonly TrustDomainBundle[],
  { problems }: CheckContext,
): void {
  const seen = new Set<string>();
  for (const { trustDomain } of federated) {
    if (seen.has(trustDomain)) {
      const message =
        `cannot use bundles as each trust domain must have one: ${trustDomain} has two`;
      problems.error("bundle", { message });
    }
    seen.add(trustDomain);
  }
}

function checkMatcher({ match, value }: SanMatcher, { problems }: CheckContext): void {
  const refuse = (rule: string) =>
    problems.error("sans", { message: `cannot use SAN matcher as ${rule}` });
  if (value === "") refuse("it must compare with something: is empty");
  if (match !== "regex") return;
  if (NOT_RE2.test(value)) {
    refuse(`its pattern must be RE2, without looking around or references back: is "${value}"`);
    return;
  }
  try {
    new RegExp(value);
  } catch {
    refuse(`its pattern must be a regular expression: is "${value}"`);
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Whether a secret may be sent to an Envoy. Envoy's own rejection comes too late: it keeps a rejected
 * part and puts it live with the next good one, so nothing bad is ever sent.
 * @module
 */
import { err, ok, type Problem, type Result } from "@denvoy/base";
import { type PlacedCertificate, readCertificates } from "./certificate_block.ts";
import { checkChain } from "./chain_check.ts";
import { checkContext } from "./context_check.ts";
import { keyStrengthProblem } from "./key_strength.ts";
import { checkStaple } from "./staple_check.ts";
import { ProblemList } from "./problem_list.ts";
import type { CheckedSecret, SecretFacts } from "./secret_facts.ts";
import type {
  GenericMaterial,
  SecretMaterial,
  SessionTicketMaterial,
  TlsCertificateMaterial,
} from "./secret_material.ts";
import { ticketKeysProblem } from "./ticket_keys.ts";
import type { X509Reader } from "./x509_reader.ts";

/** What a check needs beside the secret. */
export interface SecretCheckOptions {
  /** The present. */
  readonly nowMs: number;
  /** Reads and compares. */
  readonly x509: X509Reader;
  /** The files of the parts, for the place of a problem; without, its path names the part. */
  readonly places?: Readonly<Partial<Record<SecretPart, string>>>;
}

/** The parts of a secret, for the place of a problem. */
export type SecretPart =
  | "chain"
  | "key"
  | "ocsp"
  | "bundle"
  | "crl"
  | "sans"
  | "tickets"
  | "generic";

/** What the checks of single kinds share. */
export interface CheckContext extends SecretCheckOptions {
  /** Gathers what is wrong. */
  readonly problems: ProblemList;
}

/** Longer chains are a mistake, and Envoy's verification would refuse them. */
const MAX_CHAIN = 10;

/** Returns the secret with its facts, or each thing that is wrong with it. */
export function checkSecret(
  material: SecretMaterial,
  options: SecretCheckOptions,
): Result<CheckedSecret, readonly Problem[]> {
  const problems = new ProblemList(options.places);
  const facts = factsOf(material, { ...options, problems });
  if (facts === undefined || problems.refuses) return err(problems.all);
  return ok({ material, facts, warnings: problems.all });
}

/** Undefined, with at least one error, when there is nothing to tell. */
function factsOf(material: SecretMaterial, check: CheckContext): SecretFacts | undefined {
  switch (material.kind) {
    case "tls-certificate":
      return checkTlsCertificate(material, check);
    case "validation-context":
      return checkContext(material, check);
    case "session-ticket-keys":
      return checkTicketKeys(material, check);
    case "generic":
      return checkGeneric(material, check);
  }
}

function checkTlsCertificate(
  material: TlsCertificateMaterial,
  check: CheckContext,
): SecretFacts | undefined {
  const chain = readCertificates({ part: "chain", pem: material.chainPem, max: MAX_CHAIN }, check);
  const [leaf] = chain;
  checkKey(material.keyPem, { leaf, check });
  if (leaf === undefined) return undefined;
  checkChain(chain, check);
  const ocsp = checkStaple(material.ocspStaple, chain, check);
  const facts = chain.map((certificate) => certificate.facts);
  return {
    kind: "tls-certificate",
    leaf: leaf.facts,
    chain: facts,
    notAfterMs: Math.min(...facts.map(({ notAfterMs }) => notAfterMs)),
    ...(ocsp !== undefined && { ocsp }),
  };
}

function checkKey(
  keyPem: string,
  { leaf, check }: { readonly leaf: PlacedCertificate | undefined; readonly check: CheckContext },
): void {
  const { x509, problems } = check;
  const refuse = (rule: string) =>
    problems.error("key", { message: `cannot use private key as ${rule}` });
  const key = x509.readKey(keyPem);
  if (key === undefined) {
    refuse("it must be PEM (PKCS#8, PKCS#1 or SEC1) without a passphrase: cannot be read");
    return;
  }
  const weak = keyStrengthProblem(key);
  if (weak !== undefined) refuse(weak);
  if (leaf === undefined || x509.keyBelongsTo(keyPem, leaf)) return;
  refuse("it must belong to the first certificate of the chain: it does not");
}

function checkTicketKeys(
  { keys }: SessionTicketMaterial,
  { problems }: CheckContext,
): SecretFacts {
  const problem = ticketKeysProblem(keys);
  if (problem !== undefined) {
    problems.error("tickets", { message: `cannot use session ticket keys as ${problem}` });
  }
  return { kind: "session-ticket-keys", keyCount: keys.length };
}

function checkGeneric(
  { secret, secrets }: GenericMaterial,
  { problems }: CheckContext,
): SecretFacts {
  const refuse = (rule: string) =>
    problems.error("generic", { message: `cannot use generic secret as ${rule}` });
  const named = [...secrets ?? []];
  if (secret === undefined && named.length === 0) refuse("it must have a value: has none");
  if (secret?.length === 0) refuse("its value must not be empty: is empty");
  for (const [name, value] of named) {
    if (name === "") refuse("each of its values must have a name: one has none");
    if (value.length === 0) refuse(`its value "${name}" must not be empty: is empty`);
  }
  return { kind: "generic", names: named.map(([name]) => name) };
}

// SPDX-License-Identifier: Apache-2.0
/**
 * An intermediate of another CA, from files: it signs leaves here, while its root's key stays elsewhere.
 * Everything is checked before it signs anything.
 * @module
 */
import { err, ok, type Problem, type Result } from "@denvoy/base";
import { isNamedIssuer, isSelfIssued, readCertificates } from "../certificate_block.ts";
import { checkLinks, nameOf } from "../chain_check.ts";
import { ProblemList } from "../problem_list.ts";
import type { PlacedCertificate } from "../certificate_block.ts";
import { readPem } from "../pem.ts";
import { type Authority, type AuthorityTools, sealKey } from "./authority.ts";
import { keyIdOf } from "./extensions.ts";

/** What the files held. */
export interface OutsideCa {
  /** PEM of the intermediate that signs, then those between it and the root; the root may follow. */
  readonly chainPem: string;
  /** PEM PKCS#8 key of the first. */
  readonly keyPem: string;
  /** PEM of the root, or of several of which one is the root of the chain; empty when it is in the chain. */
  readonly rootsPem: string;
  /** Names of the files, for the places of problems. */
  readonly files?: { readonly chain?: string; readonly key?: string; readonly bundle?: string };
}

const MAX_CERTIFICATES = 20;

/** Returns the authority, prepared only, or each thing that is wrong with the files. */
export async function outsideAuthority(
  outside: OutsideCa,
  tools: AuthorityTools,
  nowMs: number,
): Promise<Result<Authority, readonly Problem[]>> {
  const problems = new ProblemList(outside.files);
  const check = { problems, x509: tools.x509, nowMs };
  const text = { part: "chain", pem: outside.chainPem, max: MAX_CERTIFICATES } as const;
  const given = readCertificates(text, check);
  const chain = given.filter((one, index) => index === 0 || !isSelfIssued(one));
  const roots = outside.rootsPem.trim() === ""
    ? []
    : readCertificates({ part: "bundle", pem: outside.rootsPem, max: MAX_CERTIFICATES }, check);
  const [signer, ...between] = chain;
  const root = rootOf(chain, [...roots, ...given]);
  if (signer !== undefined) checkSigner(signer, { outside, tools, problems });
  if (root === undefined && signer !== undefined) {
    const message = "cannot use outside CA as the root of its chain must be given: is missing";
    problems.error("bundle", { message });
  }
  if (root !== undefined) {
    checkLinks(signer === root ? [root] : renumbered([...chain, root]), check);
  }
  if (problems.refuses || root === undefined || signer === undefined) return err(problems.all);
  return ok(await authorityOf({ root, signer, between, outside }, tools, nowMs));
}

function rootOf(
  chain: readonly PlacedCertificate[],
  candidates: readonly PlacedCertificate[],
): PlacedCertificate | undefined {
  const last = chain.at(-1);
  return last && candidates.find((one) => isSelfIssued(one) && isNamedIssuer(last, one));
}

/** The number of a certificate is its place in the chain, wherever it was read from. */
function renumbered(chain: readonly PlacedCertificate[]): readonly PlacedCertificate[] {
  return chain.map((certificate, index) => ({ ...certificate, number: index + 1 }));
}

interface SignerCheck {
  readonly outside: OutsideCa;
  readonly tools: AuthorityTools;
  readonly problems: ProblemList;
}

function checkSigner(signer: PlacedCertificate, { outside, tools, problems }: SignerCheck): void {
  const { x509, settings } = tools;
  const { facts, line } = signer;
  const refuse = (rule: string) =>
    problems.error("chain", { message: `cannot sign with ${nameOf(signer)} as ${rule}`, line });
  if (!facts.isCa) refuse("it must be a CA by its basic constraints: is not");
  if (facts.keyUsages?.includes("keyCertSign") === false) {
    refuse("it must have the key usage keyCertSign: has not");
  }
  const own = `spiffe://${settings.trustDomain}`;
  const other = facts.uriSans.find((uri) => uri.startsWith("spiffe://") && uri !== own);
  if (other !== undefined) refuse(`its SPIFFE ID must be "${own}": is "${other}"`);
  if (x509.readKey(outside.keyPem) !== undefined && x509.keyBelongsTo(outside.keyPem, signer)) {
    return;
  }
  const message =
    "cannot sign with private key as it must belong to the first certificate: it does not";
  problems.error("key", { message });
}

interface OutsideParts {
  readonly root: PlacedCertificate;
  readonly signer: PlacedCertificate;
  readonly between: readonly PlacedCertificate[];
  readonly outside: OutsideCa;
}

/** Identifiers are those in the certificates: leaves must name the very one that their issuer bears. */
async function authorityOf(
  { root, signer, between, outside }: OutsideParts,
  tools: AuthorityTools,
  nowMs: number,
): Promise<Authority> {
  const idOf = ({ facts, spki }: PlacedCertificate) =>
    facts.subjectKeyId ?? keyIdOf(spki, tools.primitives).toHex();
  const blocks = readPem(outside.keyPem);
  const pkcs8 = blocks.ok ? blocks.value[0]?.der : undefined;
  if (pkcs8 === undefined) throw new TypeError("Cannot seal key as it must be PEM");
  const [id, signerId] = [idOf(root), idOf(signer)];
  const record = {
    id: signerId,
    der: signer.der,
    between: between.map(({ der }) => der),
    sealedKey: await sealKey({ pkcs8 }, { id: signerId, sealer: tools.sealer }),
  };
  const key = await tools.keys.import(pkcs8);
  return {
    record: {
      id,
      state: "prepared",
      preparedAtMs: nowMs,
      rootDer: root.der,
      signers: [record],
    },
    root,
    signers: [{ record, certificate: signer, key }],
  };
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Revocation lists from a file, each checked against the CAs whose certificates clients may show before
 * any of them counts.
 * @module
 */
import {
  type CertificateId,
  ProblemError,
  readRevocationList,
  type RevocationList,
  type RevokedCertificates,
} from "@denvoy/base";
import { readFileContent } from "./file_content.ts";
import { ListSigners } from "./list_signers.ts";
import { type PemBlock, readPemBlocks } from "./pem_blocks.ts";

/** Where lists are, and who may have signed them. */
export interface RevocationPaths {
  /** The lists: one in DER, or any number in PEM, with certificates of the CAs that sign them. */
  readonly crl: string;
  /** Roots for client certificates. */
  readonly clientCa: string;
}

/** Lists that count. */
export interface RevocationLists extends RevokedCertificates {
  /** When the first of them is over, in milliseconds since the epoch. */
  readonly nextUpdateMs: number;
}

const LIST = "X509 CRL";
const CERTIFICATE = "CERTIFICATE";
/** What clocks may differ by. */
const MAX_SKEW_MS = 300_000;

/** Reads the lists. Rejects with ProblemError, which names the list and the rule, if one is bad. */
export async function readRevocationLists(
  { crl: file, clientCa }: RevocationPaths,
  { nowMs }: { readonly nowMs: number },
): Promise<RevocationLists> {
  const blocks = await readBlocks(file, [LIST, CERTIFICATE]);
  const roots = await readBlocks(clientCa, [CERTIFICATE]);
  const signers = new ListSigners({
    roots: roots.map(({ der }) => der),
    shown: blocks.filter(({ label }) => label === CERTIFICATE).map(({ der }) => der),
    nowMs,
  });
  const found = blocks.filter(({ label }) => label === LIST);
  const lists: RevocationList[] = [];
  for (const [index, { der }] of found.entries()) {
    try {
      lists.push(...checkList(der, { signers, nowMs }));
    } catch (error) {
      throw problem(
        file,
        `cannot use revocation list ${index + 1} of ${found.length} as ${messageOf(error)}`,
      );
    }
  }
  if (lists.length > 0) return new CheckedLists(lists);
  throw problem(
    file,
    `cannot use revocation lists as one must be of a CA of ${clientCa}: there are ` +
      `${found.length}, and none is`,
  );
}

async function readBlocks(
  file: string,
  labels: readonly string[],
): Promise<readonly PemBlock[]> {
  const content = await readFileContent(file);
  if (content.kind === "absent") throw problem(file, "cannot read file: there is none");
  if (content.kind === "unreadable") throw problem(file, content.reason);
  const blocks = readPemBlocks(content.bytes, labels[0] ?? "");
  if (blocks === undefined) throw problem(file, "cannot use file as it must be whole PEM or DER");
  const stray = blocks.find(({ label }) => !labels.includes(label));
  if (stray === undefined) return blocks;
  const wanted = labels.map((label) => `"${label}"`).join(" or ");
  throw problem(file, `cannot use file as each block must be ${wanted}: one is "${stray.label}"`);
}

/** Returns the list; nothing for one of a CA whose certificates nobody could show here anyway. */
function checkList(
  der: Uint8Array,
  { signers, nowMs }: { readonly signers: ListSigners; readonly nowMs: number },
): readonly RevocationList[] {
  const list = readRevocationList(der);
  const { issuer, thisUpdateMs, nextUpdateMs } = list;
  const verdict = signers.verdict(list);
  if (verdict === "foreign") return [];
  if (verdict === "unknown") {
    throw new Error(
      "a CA of the roots for client certificates must have signed it, or one below them whose " +
        `certificate is in the file: it is of "${issuer}"`,
    );
  }
  if (thisUpdateMs > nowMs + MAX_SKEW_MS) {
    throw new Error(`that of "${issuer}" must have begun: is from ${iso(thisUpdateMs)} on`);
  }
  if (nextUpdateMs <= nowMs) {
    throw new Error(`that of "${issuer}" must not be over: was so on ${iso(nextUpdateMs)}`);
  }
  return [list];
}

class CheckedLists implements RevocationLists {
  readonly nextUpdateMs: number;
  readonly #serials = new Map<string, Set<string>>();

  constructor(lists: readonly RevocationList[]) {
    this.nextUpdateMs = Math.min(...lists.map(({ nextUpdateMs }) => nextUpdateMs));
    for (const { issuer, serials } of lists) {
      const known = this.#serials.get(issuer);
      this.#serials.set(issuer, known === undefined ? new Set(serials) : known.union(serials));
    }
  }

  has({ issuer, serial }: CertificateId): boolean {
    return this.#serials.get(issuer)?.has(serial) === true;
  }
}

function problem(file: string, message: string): ProblemError {
  return new ProblemError([{ severity: "error", file, message }]);
}

/** What is read comes from a file of the operator: nothing in it is secret. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^cannot use list as /, "").replace(/^cannot read DER as /, "");
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The revocation lists as a file for whoever verifies certificates: beside the certificates of the CAs
 * that sign them, and with lists that say that nothing is revoked, so that nobody takes a file that was
 * lost or cut for that.
 * @module
 */
import { writePem } from "../pem.ts";
import type { Authority } from "./authority.ts";
import { signCrl } from "./crl_writer.ts";
import { issuersOf } from "./revocation_lists.ts";

/** Of what the file is made. */
export interface PublishedContent {
  /** All that may stand in a chain. */
  readonly authorities: readonly Authority[];
  /** PEM of the lists; empty while nothing is revoked. */
  readonly listsPem: string;
  /** The present. */
  readonly nowMs: number;
}

/** Whoever reads the file has this long to get the next one. */
const LIFETIME_MS = 8 * 86_400_000;

interface EmptyLists {
  readonly key: string;
  readonly pem: string;
  readonly signedMs: number;
}

/** Keeps the empty lists: whoever may ask for the file may ask often. */
export class PublishedLists {
  #empty: Promise<EmptyLists | undefined> | undefined;

  /** Returns the file: certificates, then lists. */
  async pem(content: PublishedContent): Promise<string> {
    const certificates = content.authorities.flatMap(({ root, signers }) => [
      root.der,
      ...signers.map(({ certificate }) => certificate.der),
    ]);
    const lists = content.listsPem === "" ? await this.#emptyPem(content) : content.listsPem;
    return certificates.map((der) => writePem("CERTIFICATE", der)).join("") + lists;
  }

  async #emptyPem(content: PublishedContent): Promise<string> {
    const known = await this.#empty;
    if (known !== undefined && serves(known, content)) return known.pem;
    const signing = signEmpty(content);
    this.#empty = signing.catch(() => undefined);
    return (await signing).pem;
  }
}

function serves({ key, signedMs }: EmptyLists, { authorities, nowMs }: PublishedContent): boolean {
  return key === keyOf(authorities) && nowMs >= signedMs && nowMs < signedMs + LIFETIME_MS / 2;
}

async function signEmpty({ authorities, nowMs }: PublishedContent): Promise<EmptyLists> {
  const nextUpdateMs = nowMs + LIFETIME_MS;
  const lists = await Promise.all(
    authorities.flatMap(issuersOf).map((issuer) =>
      signCrl(issuer, { revocations: [], nowMs, nextUpdateMs })
    ),
  );
  const pem = lists.map((der) => writePem("X509 CRL", der)).join("");
  return { key: keyOf(authorities), pem, signedMs: nowMs };
}

function keyOf(authorities: readonly Authority[]): string {
  return authorities.flatMap(issuersOf).map(({ keyId }) => keyId.toHex()).join();
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The revocation lists of all CAs that may stand in a chain, signed anew when something was revoked
 * and long before they end.
 * @module
 */
import { writePem } from "../pem.ts";
import type { Authority } from "./authority.ts";
import type { CaStore, StoredCertificate } from "./ca_store.ts";
import { type CrlIssuer, signCrl } from "./crl_writer.ts";

/**
 * An ended list makes Envoy refuse every peer of its issuer: it must outlast any time in which this
 * service is down and the leaves still live.
 */
const LIST_LIFETIME_MS = 8 * 86_400_000;

/** Name of the value in which the last number of a list is kept. */
const NUMBER_NAME = "crl-number";

/** Signs the lists and keeps them. */
export class RevocationLists {
  readonly #store: CaStore;
  #pem = "";
  #key = "";
  #renewAtMs = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** Starts without lists: call {@linkcode refresh} first. */
  constructor(store: CaStore) {
    this.#store = store;
  }

  /** PEM of all lists; empty while nothing that is still valid is revoked. */
  get pem(): string {
    return this.#pem;
  }

  /** Signs the lists anew where that is due; resolves with whether they changed. */
  refresh(authorities: () => readonly Authority[], nowMs: number): Promise<boolean> {
    // In turn: of two at once the one that knew less could end last.
    const done = this.#last.then(() => this.#refresh(authorities(), nowMs));
    this.#last = done.catch(() => {});
    return done;
  }

  async #refresh(authorities: readonly Authority[], nowMs: number): Promise<boolean> {
    const revoked = this.#store.listRevoked(nowMs);
    const key = contentKey(authorities, revoked);
    if (key === this.#key && (nowMs < this.#renewAtMs || revoked.length === 0)) return false;
    const before = this.#pem;
    const pem = revoked.length === 0
      ? ""
      : await signAll(authorities, { revoked, nowMs, number: this.#nextNumber(nowMs) });
    this.#pem = pem;
    this.#key = key;
    this.#renewAtMs = nowMs + LIST_LIFETIME_MS / 2;
    return pem !== before;
  }

  /** The present, or more where the clock was set back; kept, as it must rise after a restart too. */
  #nextNumber(nowMs: number): number {
    const kept = this.#store.readSealed(NUMBER_NAME);
    const last = kept === undefined ? 0 : Number(new TextDecoder().decode(kept));
    const number = Math.max(Math.floor(nowMs), last + 1);
    // It is no secret, and stands in each list.
    this.#store.writeSealed(NUMBER_NAME, new TextEncoder().encode(String(number)));
    return number;
  }
}

interface ListContent {
  readonly revoked: readonly StoredCertificate[];
  readonly nowMs: number;
  readonly number: number;
}

async function signAll(
  authorities: readonly Authority[],
  { revoked, nowMs, number }: ListContent,
): Promise<string> {
  const lists = await Promise.all(
    authorities.flatMap(issuersOf).map((issuer) => {
      const own = revoked.filter(({ signerId }) => signerId === issuer.keyId.toHex());
      const revocations = own.flatMap(({ revocation }) => revocation ?? []);
      const nextUpdateMs = nowMs + LIST_LIFETIME_MS;
      return signCrl(issuer, { revocations, nowMs, number, nextUpdateMs });
    }),
  );
  return lists.map((der) => writePem("X509 CRL", der)).join("");
}

function issuersOf({ record, root, rootKey, signers }: Authority): readonly CrlIssuer[] {
  const rootIssuer = rootKey === undefined
    ? []
    : [{ subjectDer: root.subjectDer, keyId: Uint8Array.fromHex(record.id), key: rootKey }];
  const others = signers.map(({ record, certificate, key }) => ({
    subjectDer: certificate.subjectDer,
    keyId: Uint8Array.fromHex(record.id),
    key,
  }));
  return [...rootIssuer, ...others];
}

function contentKey(
  authorities: readonly Authority[],
  revoked: readonly StoredCertificate[],
): string {
  const issuers = authorities.flatMap(issuersOf).map(({ keyId }) => keyId.toHex());
  return [...issuers, "", ...revoked.map(({ serial }) => serial)].join();
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The revocation lists of all CAs that may stand in a chain, signed anew when something was revoked
 * and long before they end.
 * @module
 */
import { writePem } from "../pem.ts";
import type { Authority } from "./authority.ts";
import { type CaStore, overtaken, type StoredCertificate } from "./ca_store.ts";
import { type CrlIssuer, signCrl } from "./crl_writer.ts";
import type { Sealer } from "./signing_key.ts";

/**
 * An ended list makes Envoy refuse every peer of its issuer: it must outlast any time in which this
 * service is down and the leaves still live.
 */
const LIST_LIFETIME_MS = 8 * 86_400_000;

/** Name of the value in which the lists are kept, so that they are the same on every replica. */
const LISTS_NAME = "revocation lists";
/** Name of the value in which earlier versions kept the last number. */
const NUMBER_NAME = "crl-number";
/** Others that were faster so often are a mistake. */
const MAX_TRIES = 8;

/** Lists as they are kept, sealed: not as they were secret, but so that nobody brings back old ones. */
interface KeptLists {
  readonly pem: string;
  readonly number: number;
  readonly renewAtMs: number;
  readonly issuers: readonly string[];
  readonly serials: readonly string[];
}

/** Signs the lists and keeps them. */
export class RevocationLists {
  readonly #store: CaStore;
  readonly #sealer: Sealer;
  #pem = "";
  #last: Promise<unknown> = Promise.resolve();

  /** Starts without lists: call {@linkcode refresh} first. */
  constructor({ store, sealer }: { readonly store: CaStore; readonly sealer: Sealer }) {
    this.#store = store;
    this.#sealer = sealer;
  }

  /** PEM of all lists; empty while nothing that is still valid is revoked. */
  get pem(): string {
    return this.#pem;
  }

  /** Signs the lists anew where that is due; resolves with whether they changed. */
  refresh(authorities: () => readonly Authority[], nowMs: number): Promise<boolean> {
    // In turn: of two at once the one that knew less could end last.
    const done = this.#last.then(() => this.#refresh(authorities, nowMs));
    this.#last = done.catch(() => {});
    return done;
  }

  async #refresh(authorities: () => readonly Authority[], nowMs: number): Promise<boolean> {
    const before = this.#pem;
    const isEmpty = this.#store.listRevoked(nowMs).length === 0;
    this.#pem = isEmpty ? "" : await this.#listsOf(authorities, nowMs);
    return this.#pem !== before;
  }

  /** Those that are kept, if they serve; else new ones, which serve unless somebody was faster meanwhile. */
  async #listsOf(authorities: () => readonly Authority[], nowMs: number): Promise<string> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const sealed = this.#store.readSealed(LISTS_NAME);
      const kept = await this.#open(sealed);
      const wanted = { authorities: authorities(), revoked: this.#store.listRevoked(nowMs), nowMs };
      if (kept !== undefined && serves(kept, wanted)) return kept.pem;
      const number = Math.max(Math.floor(nowMs), (kept?.number ?? this.#oldNumber()) + 1);
      const signed = await signAll(wanted, number);
      const to = await this.#sealer.seal(writeLists(signed), LISTS_NAME);
      await this.#store.replaceSealed(LISTS_NAME, { from: sealed, to });
    }
    throw overtaken();
  }

  async #open(sealed: Uint8Array | undefined): Promise<KeptLists | undefined> {
    if (sealed === undefined) return undefined;
    const bytes = await this.#sealer.open(sealed, LISTS_NAME);
    return JSON.parse(new TextDecoder().decode(bytes)) as KeptLists;
  }

  #oldNumber(): number {
    const kept = this.#store.readSealed(NUMBER_NAME);
    return kept === undefined ? 0 : Number(new TextDecoder().decode(kept));
  }
}

function writeLists(lists: KeptLists): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(lists));
}

interface ListsWanted {
  readonly authorities: readonly Authority[];
  readonly revoked: readonly StoredCertificate[];
  readonly nowMs: number;
}

/** Lists may name what has ended: replicas whose clocks differ would sign in turn for ever. */
function serves(
  { renewAtMs, issuers, serials }: KeptLists,
  { authorities, revoked, nowMs }: ListsWanted,
): boolean {
  const named = new Set(serials);
  return nowMs < renewAtMs && revoked.every(({ serial }) => named.has(serial)) &&
    issuers.join() === issuerIds(authorities).join();
}

async function signAll(
  { authorities, revoked, nowMs }: ListsWanted,
  number: number,
): Promise<KeptLists> {
  const nextUpdateMs = nowMs + LIST_LIFETIME_MS;
  const lists = await Promise.all(
    authorities.flatMap(issuersOf).map((issuer) => {
      const own = revoked.filter(({ signerId }) => signerId === issuer.keyId.toHex());
      const revocations = own.flatMap(({ revocation }) => revocation ?? []);
      return signCrl(issuer, { revocations, nowMs, number, nextUpdateMs });
    }),
  );
  return {
    pem: lists.map((der) => writePem("X509 CRL", der)).join(""),
    number,
    renewAtMs: nowMs + LIST_LIFETIME_MS / 2,
    issuers: issuerIds(authorities),
    serials: revoked.map(({ serial }) => serial),
  };
}

/** Returns who signs lists under an authority; an outside root does not. */
export function issuersOf({ record, root, rootKey, signers }: Authority): readonly CrlIssuer[] {
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

function issuerIds(authorities: readonly Authority[]): readonly string[] {
  return authorities.flatMap(issuersOf).map(({ keyId }) => keyId.toHex()).sort();
}

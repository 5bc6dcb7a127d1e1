// SPDX-License-Identifier: Apache-2.0
/**
 * The built-in CA: a root signs an intermediate, which signs leaves; the root is replaced in three
 * steps while everything in use stays trusted.
 * @module
 */
import { type Clock, type Logger, ProblemError, StatusCode, StatusError } from "@denvoy/base";
import type {
  AuthorityEvent,
  AuthorityFacts,
  CertificateAuthority,
  Issued,
  IssuedRecord,
  IssueRequest,
  ListIssuedOptions,
  Revocation,
  RevocationReason,
  SignCsrRequest,
  SignedCertificate,
  TrustBundle,
} from "../certificate_authority.ts";
import { writePem } from "../pem.ts";
import { Authorities, type AuthoritiesChange } from "./authorities.ts";
import { type Authority, authorityFacts, type AuthorityTools, openAuthority } from "./authority.ts";
import type { CaStore, CaStoreChange, StoredCertificate } from "./ca_store.ts";
import { readCsrPem } from "./csr.ts";
import { EventListeners } from "./event_listeners.ts";
import {
  checkLifetime,
  checkNames,
  keyFactsOfType,
  type LeafParts,
  writeLeaf,
} from "./leaf_writer.ts";
import { outsideAuthority, type OutsideCa } from "./outside_authority.ts";
import { PublishedLists } from "./published_lists.ts";
import { RevocationLists } from "./revocation_lists.ts";
import { RootRotation, type RotationOutcome } from "./root_rotation.ts";
import type { KeyMaker } from "./signing_key.ts";

/** What the CA works with. */
export interface BuiltInCaOptions extends AuthorityTools {
  /** Makes the keys of leaves. @default `keys` */
  readonly leafKeys?: Pick<KeyMaker, "generate">;
  /** Where it remembers. */
  readonly store: CaStore;
  /** What time it is. */
  readonly clock: Clock;
  /** Told of what a listener threw. */
  readonly logger: Logger;
  /** An intermediate of another CA that signs instead of roots of our own. */
  readonly outside?: OutsideCa;
}

const DEFAULT_LIST_LIMIT = 1000;
/** Ended certificates are still listed as issued for a while, then forgotten. */
const KEEP_ENDED_MS = 86_400_000;

/** Issues from a root of its own. */
export class BuiltInCa implements CertificateAuthority {
  readonly #options: BuiltInCaOptions;
  readonly #authorities: Authorities;
  readonly #lists: RevocationLists;
  readonly #published = new PublishedLists();
  readonly #rotation: RootRotation;
  readonly #events: EventListeners<AuthorityEvent>;

  private constructor(options: BuiltInCaOptions, authorities: Authorities) {
    this.#options = options;
    this.#authorities = authorities;
    this.#lists = new RevocationLists(options);
    this.#rotation = new RootRotation(options, {
      authorities,
      catchUp: () => options.store.catchUp(),
      refresh: async () => await this.#announce(await refreshAuthorities(authorities, options)),
    });
    this.#events = new EventListeners(options.logger);
  }

  /**
   * Opens the CA that the store holds, or makes one.
   *
   * Rejects with StatusError FAILED_PRECONDITION when the store holds one of another trust domain, or
   * keys that were sealed with another key; with ProblemError when an outside CA cannot be used.
   */
  static async open(given: BuiltInCaOptions): Promise<BuiltInCa> {
    const settings = { ...given.settings, outside: given.outside !== undefined };
    const options = { ...given, settings };
    const { store, settings: { trustDomain } } = options;
    const ca = new BuiltInCa(options, new Authorities({ store, trustDomain }));
    await ca.#rotation.follow();
    store.subscribe((change) => void ca.#follow(change));
    if (given.outside !== undefined) await ca.adoptOutside(given.outside);
    await ca.maintain();
    return ca;
  }

  /** See {@linkcode CertificateAuthority.trustDomain}. */
  get trustDomain(): string {
    return this.#options.settings.trustDomain;
  }

  /** See {@linkcode CertificateAuthority.issue}. */
  async issue(request: IssueRequest): Promise<Issued> {
    const { keys, leafKeys = keys, settings } = this.#options;
    checkNames(request, settings.trustDomain);
    const lifetimeMs = checkLifetime(request.lifetimeMs, settings);
    const type = request.keyType ?? "ec-p256";
    const { pkcs8, spki } = await leafKeys.generate(type);
    const key = keyFactsOfType(type);
    const signed = await this.#sign({ names: request, spki, key, lifetimeMs });
    return { ...signed, keyPem: writePem("PRIVATE KEY", pkcs8) };
  }

  /** See {@linkcode CertificateAuthority.signCsr}. */
  async signCsr(request: SignCsrRequest): Promise<SignedCertificate> {
    const { settings, x509 } = this.#options;
    checkNames(request, settings.trustDomain);
    const lifetimeMs = checkLifetime(request.lifetimeMs, settings);
    const { spki, key } = await readCsrPem(request.csrPem, x509);
    return await this.#sign({ names: request, spki, key, lifetimeMs });
  }

  /** See {@linkcode CertificateAuthority.trustBundle}. */
  trustBundle(): TrustBundle {
    return this.#authorities.bundle();
  }

  /** See {@linkcode CertificateAuthority.listIssued}. */
  async listIssued(
    { limit = DEFAULT_LIST_LIMIT, name }: ListIssuedOptions = {},
  ): Promise<readonly IssuedRecord[]> {
    const nowMs = this.#options.clock.nowMs();
    return await this.#options.store.listIssued({
      nowMs,
      limit,
      ...(name !== undefined && { name }),
    });
  }

  /** See {@linkcode CertificateAuthority.isRevoked}. */
  isRevoked(serial: string): boolean {
    return this.#options.store.isRevoked(serial);
  }

  /** See {@linkcode CertificateAuthority.revoke}. */
  async revoke(serial: string, reason: RevocationReason = "unspecified"): Promise<Revocation> {
    const { store, clock } = this.#options;
    const revoked = await revocationOf(serial, { store, reason, nowMs: clock.nowMs() });
    if (!revoked.isNew) return revoked.revocation;
    const { revocation } = revoked;
    await store.revoke(revocation);
    try {
      await this.#refreshLists();
    } finally {
      // It is revoked, even where the lists can be signed later only.
      this.#events.tell({ kind: "revoked", revocation });
    }
    return revocation;
  }

  /** See {@linkcode CertificateAuthority.crlPem}. */
  crlPem(): string {
    return this.#lists.pem;
  }

  /** See {@linkcode CertificateAuthority.publishedLists}. */
  publishedLists(): Promise<string> {
    return this.#published.pem({
      authorities: this.#authorities.all,
      listsPem: this.#lists.pem,
      nowMs: this.#options.clock.nowMs(),
    });
  }

  /** See {@linkcode CertificateAuthority.prepareRoot}. */
  async prepareRoot(): Promise<AuthorityFacts> {
    return await this.#change(() => this.#rotation.prepare());
  }

  /** See {@linkcode CertificateAuthority.activateRoot}. */
  async activateRoot(
    { force = false }: { readonly force?: boolean } = {},
  ): Promise<AuthorityFacts> {
    return await this.#change(() => this.#rotation.activate({ force }));
  }

  /** See {@linkcode CertificateAuthority.retireRoot}. */
  async retireRoot({ force = false }: { readonly force?: boolean } = {}): Promise<AuthorityFacts> {
    return await this.#change(() => this.#rotation.retire({ force }));
  }

  /** See {@linkcode CertificateAuthority.subscribe}. */
  subscribe(listener: (event: AuthorityEvent) => void): () => void {
    return this.#events.add(listener);
  }

  /**
   * Takes in the files of an outside CA, at the start and after they changed. Rejects with ProblemError
   * when they cannot be used; what was used before stays.
   */
  async adoptOutside(outside: OutsideCa): Promise<AuthorityFacts> {
    const nowMs = this.#options.clock.nowMs();
    const authority = await outsideAuthority(outside, this.#options, nowMs);
    if (!authority.ok) throw new ProblemError(authority.error);
    return await this.#change(() => this.#rotation.adopt(authority.value));
  }

  /**
   * Does what is due: steps of a rotation, a new intermediate, new revocation lists, forgetting what
   * has ended. Call it often, and after the clock jumped; it does nothing when nothing is due.
   */
  async maintain(): Promise<void> {
    await this.#rotation.doDueSteps((change) => this.#announce(change));
    await this.#options.store.forgetEndedBefore(this.#options.clock.nowMs() - KEEP_ENDED_MS);
    await this.#refreshLists();
  }

  /** What another replica did is told here as if it had been done here. Never rejects. */
  async #follow(change: CaStoreChange): Promise<void> {
    try {
      if (change.kind === "state") await this.#rotation.follow();
      await this.#refreshLists();
    } catch (error) {
      this.#options.logger.error("cannot take over what another replica has changed", { error });
    }
    if (change.kind === "revoked") this.#tellRevoked(change.serials);
  }

  #tellRevoked(serials: readonly string[]): void {
    const { store, clock } = this.#options;
    const told = new Set(serials);
    for (const { serial, revocation } of store.listRevoked(clock.nowMs())) {
      if (revocation === undefined || !told.has(serial)) continue;
      this.#events.tell({ kind: "revoked", revocation });
    }
  }

  /** A step that is asked for; its change is told once it is written down. */
  async #change(step: () => Promise<RotationOutcome>): Promise<AuthorityFacts> {
    const outcome = await step();
    await this.#announce(outcome.change);
    await this.#refreshLists();
    return authorityFacts(outcome.authority);
  }

  /** A bundle without the lists of all that are in it would be refused: lists come first. */
  async #announce(change: AuthoritiesChange): Promise<void> {
    try {
      if (change.bundleChanged || change.signerChanged) await this.#refreshLists();
    } catch (error) {
      this.#options.logger.error("cannot sign revocation lists", { error });
    }
    this.#tellChange(change);
  }

  #tellChange({ bundleChanged, signerChanged }: AuthoritiesChange): void {
    if (bundleChanged) this.#events.tell({ kind: "bundle-changed", bundle: this.trustBundle() });
    if (!signerChanged) return;
    const authorityId = this.#authorities.active.record.id;
    this.#events.tell({ kind: "signer-changed", authorityId });
  }

  async #refreshLists(): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    const changed = await this.#lists.refresh(() => this.#authorities.all, nowMs);
    if (changed) this.#events.tell({ kind: "crl-changed" });
  }

  /** The certificate is written down before it is handed out: one that is not cannot be revoked. */
  async #sign(parts: Omit<LeafParts, "signer" | "nowMs">): Promise<SignedCertificate> {
    const { active } = this.#authorities;
    const [signer] = active.signers;
    const nowMs = this.#options.clock.nowMs();
    const signed = await writeLeaf({ ...parts, signer, nowMs }, this.#options.primitives);
    await this.#options.store.addIssued(storedCertificate(signed, active));
    return signed;
  }
}

const UNCHANGED: AuthoritiesChange = { bundleChanged: false, signerChanged: false };

/** Takes over what the store holds, if another replica has changed it. */
async function refreshAuthorities(
  authorities: Authorities,
  options: BuiltInCaOptions,
): Promise<AuthoritiesChange> {
  const { store, settings: { trustDomain } } = options;
  const state = await store.load();
  if (state === undefined) return UNCHANGED;
  if (state.trustDomain !== trustDomain) {
    const message = `cannot open CA as its trust domain must stay "${state.trustDomain}": ` +
      `is "${trustDomain}"; another trust domain needs another data folder or key prefix`;
    throw new StatusError(StatusCode.FAILED_PRECONDITION, message);
  }
  if (state.revision === authorities.revision && authorities.all.length > 0) return UNCHANGED;
  const list: Authority[] = [];
  for (const record of state.authorities) list.push(await openAuthority(record, options));
  return authorities.adopt(state, list);
}

function storedCertificate(
  { facts }: SignedCertificate,
  { record, signers: [signer] }: Authority,
): StoredCertificate {
  return {
    serial: facts.serial,
    names: [...facts.uriSans, ...facts.dnsSans, ...facts.ipSans],
    notBeforeMs: facts.notBeforeMs,
    notAfterMs: facts.notAfterMs,
    authorityId: record.id,
    signerId: signer.record.id,
  };
}

interface RevocationContext {
  readonly store: CaStore;
  readonly reason: RevocationReason;
  readonly nowMs: number;
}

async function revocationOf(
  serial: string,
  { store, reason, nowMs }: RevocationContext,
): Promise<{ readonly revocation: Revocation; readonly isNew: boolean }> {
  const normal = serial.toLowerCase().replaceAll(":", "").replace(/^0+(?=.)/, "");
  const record = await store.findIssued(normal);
  if (record === undefined) {
    const message = `cannot revoke certificate as its serial number must be one that this CA ` +
      `issued: is "${serial.slice(0, 64)}"`;
    throw new StatusError(StatusCode.NOT_FOUND, message);
  }
  if (record.revocation !== undefined) return { revocation: record.revocation, isNew: false };
  const { notAfterMs } = record;
  return { revocation: { serial: normal, revokedAtMs: nowMs, reason, notAfterMs }, isNew: true };
}

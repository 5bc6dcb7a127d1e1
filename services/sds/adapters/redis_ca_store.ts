// SPDX-License-Identifier: Apache-2.0
/**
 * The CA's memory in Redis, shared by replicas. Its state is sealed as a whole: who can write to Redis
 * without having the key for keys at rest can take it away, but add no root. Only one CA is ever
 * believed by a process: the one that it has seen first.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import {
  type CaState,
  type CaStore,
  type CaStoreChange,
  isSameSealed,
  type IssuedQuery,
  overtaken,
  type SealedChange,
  type StoredCertificate,
} from "../domain/ca/ca_store.ts";
import type { Sealer } from "../domain/ca/signing_key.ts";
import type { Revocation } from "../domain/certificate_authority.ts";
import { readCaDocument, writeCaDocument } from "./ca_document.ts";
import { readRecord, type RedisIssued } from "./redis_issued.ts";
import type { SharedTables } from "./shared_tables.ts";

/** What it works with. */
export interface RedisCaStoreOptions {
  /** What replicas share. */
  readonly tables: SharedTables;
  /** What they have issued. */
  readonly issued: RedisIssued;
  /** Seals; the same on all replicas. */
  readonly sealer: Sealer;
  /** Told when Redis holds another CA, and, with undefined, when it is ours again. */
  readonly onStrangeCa: (why: string | undefined) => void;
}

interface Verified {
  /** As it is in Redis. */
  readonly text: string;
  readonly id: string;
  readonly state: CaState;
}

const FIELD = "state";

/** Remembers in Redis. */
export class RedisCaStore implements CaStore {
  readonly #options: RedisCaStoreOptions;
  /** What was loaded or saved last. */
  #verified: Verified | undefined;
  #strange: string | undefined;

  /** Asks nothing yet. */
  constructor(options: RedisCaStoreOptions) {
    this.#options = options;
  }

  /** Identifies the CA among all; undefined before there is one. */
  get caId(): string | undefined {
    return this.#verified?.id;
  }

  /** See {@linkcode CaStore.catchUp}. */
  catchUp(): Promise<void> {
    return this.#options.tables.catchUp();
  }

  /**
   * See {@linkcode CaStore.load}. Rejects with FAILED_PRECONDITION when the CA in Redis was sealed with
   * another key, or is another one than before.
   */
  async load(): Promise<CaState | undefined> {
    const text = this.#options.tables.get("ca", FIELD);
    const known = this.#verified;
    if (text === known?.text) {
      this.#hear(undefined);
      return known?.state;
    }
    if (text === undefined) throw this.#hear("Redis has lost it");
    const found = await this.#open(text);
    if (known !== undefined && known.id !== found.id) throw this.#hear("Redis holds another one");
    this.#hear(undefined);
    if (known !== undefined && found.state.revision < known.state.revision) {
      // A Redis that has lost the newest changes: ours are put back.
      await this.#replace(text, known.text);
      return known.state;
    }
    this.#verified = found;
    return found.state;
  }

  /** See {@linkcode CaStore.save}. */
  async save(state: CaState): Promise<void> {
    const known = this.#verified;
    if (state.revision !== (known?.state.revision ?? 0) + 1) throw overtaken();
    const id = known?.id ?? crypto.randomUUID();
    const { revision } = state;
    const document = writeCaDocument({ id, state });
    const sealed = await this.#options.sealer.seal(document, contextOf(revision));
    const text = `${revision} ${sealed.toBase64()}`;
    if (!await this.#replace(known?.text, text)) throw overtaken();
    this.#verified = { text, id, state };
  }

  /** See {@linkcode CaStore.addIssued}. */
  async addIssued(record: StoredCertificate): Promise<void> {
    if (this.#strange !== undefined) throw strangeCa(this.#strange);
    await this.#options.issued.add(record);
  }

  /** See {@linkcode CaStore.findIssued}. */
  async findIssued(serial: string): Promise<StoredCertificate | undefined> {
    const record = await this.#options.issued.find(serial);
    return record && this.#withRevocation(record);
  }

  /** See {@linkcode CaStore.listIssued}. */
  async listIssued(query: IssuedQuery): Promise<readonly StoredCertificate[]> {
    const listed = await this.#options.issued.list(query);
    return listed.map((record) => this.#withRevocation(record));
  }

  /** See {@linkcode CaStore.lastNotAfterMs}. */
  lastNotAfterMs(authorityId: string): Promise<number> {
    return this.#options.issued.lastNotAfterMs(authorityId);
  }

  /** See {@linkcode CaStore.revoke}. */
  async revoke(revocation: Revocation): Promise<void> {
    const { tables, issued } = this.#options;
    const { serial } = revocation;
    const record = await issued.find(serial);
    if (record === undefined) return;
    const text = JSON.stringify({ ...record, revocation });
    await tables.change(() =>
      tables.get("revoked", serial) === undefined
        ? { revoked: { put: { [serial]: text } } }
        : undefined
    );
  }

  /** See {@linkcode CaStore.isRevoked}. */
  isRevoked(serial: string): boolean {
    return this.#options.tables.get("revoked", serial) !== undefined;
  }

  /** See {@linkcode CaStore.listRevoked}. */
  listRevoked(nowMs: number): readonly StoredCertificate[] {
    return this.#revoked()
      .filter(({ notAfterMs }) => notAfterMs > nowMs)
      .sort((a, b) => revokedAtMs(a) - revokedAtMs(b) || (a.serial < b.serial ? -1 : 1));
  }

  /** See {@linkcode CaStore.forgetEndedBefore}. While Redis is away nothing is. */
  async forgetEndedBefore(atMs: number): Promise<number> {
    const { tables, issued } = this.#options;
    await issued.flush();
    const forgotten = await issued.forgetEndedBefore(atMs);
    const ended = () =>
      this.#revoked().filter(({ notAfterMs }) => notAfterMs < atMs).map(({ serial }) => serial);
    if (tables.awaySinceMs !== undefined || ended().length === 0) return forgotten;
    await tables.change(() => {
      const remove = ended();
      return remove.length === 0 ? undefined : { revoked: { remove } };
    });
    return forgotten;
  }

  /** See {@linkcode CaStore.readSealed}. */
  readSealed(name: string): Uint8Array | undefined {
    const text = this.#options.tables.get("values", name);
    return text === undefined ? undefined : Uint8Array.fromBase64(text);
  }

  /** See {@linkcode CaStore.writeSealed}. */
  async writeSealed(name: string, sealed: Uint8Array): Promise<void> {
    await this.#options.tables.change(() => ({ values: { put: { [name]: sealed.toBase64() } } }));
  }

  /** See {@linkcode CaStore.replaceSealed}. */
  async replaceSealed(name: string, { from, to }: SealedChange): Promise<boolean> {
    return await this.#options.tables.change(() =>
      isSameSealed(this.readSealed(name), from)
        ? { values: { put: { [name]: to.toBase64() } } }
        : undefined
    );
  }

  /** See {@linkcode CaStore.subscribe}. */
  subscribe(listener: (change: CaStoreChange) => void): () => void {
    return this.#options.tables.subscribe(({ table, fields, own }) => {
      if (own) return;
      if (table === "ca") listener({ kind: "state" });
      else if (table === "revoked") listener({ kind: "revoked", serials: fields });
      else if (table === "values") {
        for (const name of fields) listener({ kind: "sealed", name });
      }
    });
  }

  async #open(text: string): Promise<Verified> {
    const [revision = "", sealed = ""] = text.split(" ");
    try {
      const bytes = Uint8Array.fromBase64(sealed);
      const opened = await this.#options.sealer.open(bytes, contextOf(Number(revision)));
      const { id, state } = readCaDocument(opened);
      return { text, id, state };
    } catch (cause) {
      const message =
        "cannot open the CA in Redis as all replicas must have the same key for keys " +
        "at rest (--key-encryption-file or DENVOY_SDS_KEY_ENCRYPTION_KEY): it was sealed with " +
        "another, or is damaged";
      throw new StatusError(StatusCode.FAILED_PRECONDITION, message, { cause });
    }
  }

  #replace(from: string | undefined, to: string): Promise<boolean> {
    const { tables } = this.#options;
    return tables.change(() =>
      tables.get("ca", FIELD) === from ? { ca: { put: { [FIELD]: to } } } : undefined
    );
  }

  #revoked(): readonly StoredCertificate[] {
    return [...this.#options.tables.all("revoked").values()].map(readRecord);
  }

  #withRevocation(record: StoredCertificate): StoredCertificate {
    const text = this.#options.tables.get("revoked", record.serial);
    return text === undefined ? record : readRecord(text);
  }

  #hear(strange: string | undefined): StatusError {
    if (strange !== this.#strange) this.#options.onStrangeCa(strange);
    this.#strange = strange;
    return strangeCa(strange ?? "");
  }
}

function strangeCa(why: string): StatusError {
  const message =
    `cannot go on with the CA that this replica has served as ${why}: bring the data of ` +
    "Redis back from a copy, or restart the replicas that shall take over what is there";
  return new StatusError(StatusCode.FAILED_PRECONDITION, message);
}

/** A state cannot pass for a later one. */
function contextOf(revision: number): string {
  return `ca state ${revision}`;
}

function revokedAtMs({ revocation }: StoredCertificate): number {
  return revocation?.revokedAtMs ?? 0;
}

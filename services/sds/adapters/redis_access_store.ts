// SPDX-License-Identifier: Apache-2.0
/**
 * What sds remembers beside the CA, in Redis, shared by replicas. Tokens are sealed, too, though only
 * hashes are kept: who can write to Redis without having the key cannot make itself a token.
 * @module
 */
import type { Logger } from "@denvoy/base";
import type { AccessStore, AccessStoreChange } from "../domain/access_store.ts";
import type { TokenRecord } from "../domain/access_tokens.ts";
import type { Sealer } from "../domain/ca/signing_key.ts";
import type { SharedChange, SharedTables } from "./shared_tables.ts";

/** What it works with. */
export interface RedisAccessStoreOptions {
  /** What replicas share. */
  readonly tables: SharedTables;
  /** Seals; the same on all replicas. */
  readonly sealer: Sealer;
  /** Told of tokens that cannot be opened. */
  readonly logger: Logger;
}

/** Remembers in Redis. */
export class RedisAccessStore implements AccessStore {
  readonly #options: RedisAccessStoreOptions;
  readonly #tokens = new Map<string, TokenRecord>();
  readonly #listeners = new Set<(change: AccessStoreChange) => void>();
  readonly #unsubscribe: () => void;
  #opening: Promise<void> = Promise.resolve();

  private constructor(options: RedisAccessStoreOptions) {
    this.#options = options;
    this.#unsubscribe = options.tables.subscribe((change) => this.#follow(change));
  }

  /** Opens what is there. */
  static async open(options: RedisAccessStoreOptions): Promise<RedisAccessStore> {
    const store = new RedisAccessStore(options);
    store.#openTokens([...options.tables.all("tokens").keys()], () => {});
    await store.#opening;
    return store;
  }

  /** See {@linkcode AccessStore.addToken}. */
  async addToken(record: TokenRecord): Promise<void> {
    const put = await this.#sealed(record);
    await this.#options.tables.change(() => ({ tokens: { put } }));
    await this.#opening;
  }

  /** See {@linkcode AccessStore.findToken}. */
  findToken(hash: string): TokenRecord | undefined {
    return this.#tokens.get(hash);
  }

  /** See {@linkcode AccessStore.exchangeToken}. */
  async exchangeToken(hash: string, next: TokenRecord): Promise<boolean> {
    const { tables } = this.#options;
    const put = await this.#sealed(next);
    const exchanged = await tables.change(() =>
      tables.get("tokens", hash) === undefined ? undefined : { tokens: { put, remove: [hash] } }
    );
    await this.#opening;
    return exchanged;
  }

  /** See {@linkcode AccessStore.listTokens}. */
  listTokens(): readonly TokenRecord[] {
    return [...this.#tokens.values()].sort((a, b) => a.createdAtMs - b.createdAtMs);
  }

  /** See {@linkcode AccessStore.countTokens}. */
  countTokens(): number {
    return this.#tokens.size;
  }

  /** See {@linkcode AccessStore.removeEndedTokens}. While Redis is away they stay, and count for nothing. */
  async removeEndedTokens(nowMs: number): Promise<void> {
    if (this.#options.tables.awaySinceMs !== undefined) return;
    await this.#remove(({ expiresAtMs }) => expiresAtMs <= nowMs);
  }

  /** See {@linkcode AccessStore.removeTokensOf}. */
  async removeTokensOf(identity: string): Promise<number> {
    await this.catchUp();
    return await this.#remove((record) => record.identity === identity);
  }

  /** See {@linkcode AccessStore.catchUp}. */
  async catchUp(): Promise<void> {
    await this.#options.tables.catchUp();
    await this.#opening;
  }

  /** See {@linkcode AccessStore.sealedSecrets}. */
  sealedSecrets(): ReadonlyMap<string, Uint8Array> {
    const all = [...this.#options.tables.all("secrets")];
    return new Map(all.map(([name, text]) => [name, Uint8Array.fromBase64(text)]));
  }

  /** See {@linkcode AccessStore.putSealedSecret}. */
  async putSealedSecret(name: string, sealed: Uint8Array): Promise<void> {
    const put = { [name]: sealed.toBase64() };
    await this.#options.tables.change(() => ({ secrets: { put } }));
  }

  /** See {@linkcode AccessStore.removeSealedSecret}. */
  async removeSealedSecret(name: string): Promise<void> {
    await this.#options.tables.change(() => ({ secrets: { remove: [name] } }));
  }

  /** See {@linkcode AccessStore.subscribe}. */
  subscribe(listener: (change: AccessStoreChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Follows no more; the tables are closed by whoever opened them. */
  [Symbol.dispose](): void {
    this.#unsubscribe();
  }

  async #remove(isMeant: (record: TokenRecord) => boolean): Promise<number> {
    const { tables } = this.#options;
    const meant = [...this.#tokens.values()].filter(isMeant).map(({ hash }) => hash);
    let remove: string[] = [];
    if (meant.length === 0) return 0;
    await tables.change(() => {
      remove = meant.filter((hash) => tables.get("tokens", hash) !== undefined);
      return remove.length === 0 ? undefined : { tokens: { remove } };
    });
    await this.#opening;
    return remove.length;
  }

  #follow({ table, fields, own }: SharedChange): void {
    if (table === "secrets" && !own) {
      for (const name of fields) this.#tell({ kind: "secret", name });
    }
    if (table !== "tokens") return;
    this.#openTokens(fields, (removed) => {
      if (removed && !own) this.#tell({ kind: "tokens-removed" });
    });
  }

  #tell(change: AccessStoreChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  /** In the order in which they came, as opening takes a while. */
  #openTokens(hashes: readonly string[], done: (removed: boolean) => void): void {
    this.#opening = this.#opening.then(async () => {
      const removed = await Promise.all(hashes.map((hash) => this.#openToken(hash)));
      done(removed.includes(true));
    }).catch((error) => this.#options.logger.error("cannot follow tokens", { error }));
  }

  /** Resolves with whether a token that somebody may be known by is gone. */
  async #openToken(hash: string): Promise<boolean> {
    const { tables, sealer, logger } = this.#options;
    const known = this.#tokens.get(hash);
    const text = tables.get("tokens", hash);
    if (text === undefined) {
      this.#tokens.delete(hash);
      return known?.kind === "node";
    }
    try {
      const bytes = await sealer.open(Uint8Array.fromBase64(text), contextOf(hash));
      this.#tokens.set(hash, JSON.parse(new TextDecoder().decode(bytes)) as TokenRecord);
      return false;
    } catch (error) {
      logger.warn("kept token cannot be opened", { error });
      return this.#tokens.delete(hash);
    }
  }

  async #sealed(record: TokenRecord): Promise<Record<string, string>> {
    const bytes = new TextEncoder().encode(JSON.stringify(record));
    const sealed = await this.#options.sealer.seal(bytes, contextOf(record.hash));
    return { [record.hash]: sealed.toBase64() };
  }
}

/** A token cannot pass for another. */
function contextOf(hash: string): string {
  return `token ${hash}`;
}

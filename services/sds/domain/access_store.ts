// SPDX-License-Identifier: Apache-2.0
/**
 * The port behind which sds remembers, beside the CA: tokens as hashes, and secrets that came over the
 * HTTP API, sealed.
 * @module
 */
import type { TokenRecord, TokenStore } from "./access_tokens.ts";
import type { Eventually } from "./ca/ca_store.ts";

/** What another replica changed, told when it can be read here. */
export type AccessStoreChange =
  | { readonly kind: "tokens-removed" }
  | { readonly kind: "secret"; readonly name: string };

/** Remembers, perhaps together with other replicas; see {@linkcode TokenStore}. */
export interface AccessStore extends TokenStore, Disposable {
  /** Returns the sealed secrets by name. */
  sealedSecrets(): ReadonlyMap<string, Uint8Array>;
  /** Adds or replaces a sealed secret. */
  putSealedSecret(name: string, sealed: Uint8Array): Eventually<void>;
  /** Takes a sealed secret out. */
  removeSealedSecret(name: string): Eventually<void>;
  /** Tells of what other replicas changed until the returned function is called. */
  subscribe(listener: (change: AccessStoreChange) => void): () => void;
}

/** Remembers until the process ends. */
export class MemoryAccessStore implements AccessStore {
  readonly #tokens = new Map<string, TokenRecord>();
  readonly #secrets = new Map<string, Uint8Array>();

  /** See {@linkcode TokenStore.addToken}. */
  addToken(record: TokenRecord): void {
    this.#tokens.set(record.hash, record);
  }

  /** See {@linkcode TokenStore.findToken}. */
  findToken(hash: string): TokenRecord | undefined {
    return this.#tokens.get(hash);
  }

  /** See {@linkcode TokenStore.exchangeToken}. */
  exchangeToken(hash: string, next: TokenRecord): boolean {
    if (!this.#tokens.delete(hash)) return false;
    this.addToken(next);
    return true;
  }

  /** See {@linkcode TokenStore.listTokens}. */
  listTokens(): readonly TokenRecord[] {
    return [...this.#tokens.values()].sort((a, b) => a.createdAtMs - b.createdAtMs);
  }

  /** See {@linkcode TokenStore.countTokens}. */
  countTokens(): number {
    return this.#tokens.size;
  }

  /** See {@linkcode TokenStore.removeEndedTokens}. */
  removeEndedTokens(nowMs: number): void {
    this.#remove(({ expiresAtMs }) => expiresAtMs <= nowMs);
  }

  /** See {@linkcode TokenStore.removeTokensOf}. */
  removeTokensOf(identity: string): number {
    return this.#remove((record) => record.identity === identity);
  }

  /** See {@linkcode AccessStore.sealedSecrets}. */
  sealedSecrets(): ReadonlyMap<string, Uint8Array> {
    return this.#secrets;
  }

  /** See {@linkcode AccessStore.putSealedSecret}. */
  putSealedSecret(name: string, sealed: Uint8Array): void {
    this.#secrets.set(name, sealed);
  }

  /** See {@linkcode AccessStore.removeSealedSecret}. */
  removeSealedSecret(name: string): void {
    this.#secrets.delete(name);
  }

  /** There is nothing that is not known here. */
  catchUp(): void {}

  /** Nobody else writes here. */
  subscribe(): () => void {
    return () => {};
  }

  /** There is nothing to close. */
  [Symbol.dispose](): void {}

  #remove(isMeant: (record: TokenRecord) => boolean): number {
    const meant = this.listTokens().filter(isMeant);
    for (const { hash } of meant) this.#tokens.delete(hash);
    return meant.length;
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The port behind which sds remembers, beside the CA: tokens as hashes, and secrets that came over the
 * HTTP API, sealed.
 * @module
 */
import type { TokenRecord, TokenStore } from "./access_tokens.ts";

/** Remembers. Methods throw StatusError UNAVAILABLE when nothing could be read or written. */
export interface AccessStore extends TokenStore, Disposable {
  /** Returns the sealed secrets by name. */
  sealedSecrets(): ReadonlyMap<string, Uint8Array>;
  /** Adds or replaces a sealed secret. */
  putSealedSecret(name: string, sealed: Uint8Array): void;
  /** Takes a sealed secret out. */
  removeSealedSecret(name: string): void;
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

  /** See {@linkcode TokenStore.takeToken}. */
  takeToken(hash: string): boolean {
    return this.#tokens.delete(hash);
  }

  /** See {@linkcode TokenStore.listTokens}. */
  listTokens(): readonly TokenRecord[] {
    return [...this.#tokens.values()];
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

  /** There is nothing to close. */
  [Symbol.dispose](): void {}

  #remove(isMeant: (record: TokenRecord) => boolean): number {
    const meant = this.listTokens().filter(isMeant);
    for (const { hash } of meant) this.#tokens.delete(hash);
    return meant.length;
  }
}

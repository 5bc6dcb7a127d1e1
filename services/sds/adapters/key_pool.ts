// SPDX-License-Identifier: Apache-2.0
/**
 * Prepares RSA keys ahead of time: finding the primes of one takes a hundred times as long as everything
 * else in a certificate. Each key is given out once.
 * @module
 */
import type { KeyMaker, NewKey, SigningKey } from "../domain/ca/signing_key.ts";
import type { KeyType } from "../domain/certificate_facts.ts";

/** How many keys of which kinds are prepared. */
export interface KeyPoolOptions {
  /** Makes the keys. */
  readonly keys: KeyMaker;
  /**
   * How many are ready of each kind that was asked for once; more are made when half of them are gone.
   * @default 8
   */
  readonly size?: number;
  /** How many are made at the same time. @default 1 */
  readonly concurrency?: number;
}

const DEFAULT_SIZE = 8;

/** Makes keys, RSA keys in advance from the first on that is asked for. */
export class KeyPool implements KeyMaker, AsyncDisposable {
  readonly #keys: KeyMaker;
  readonly #size: number;
  readonly #concurrency: number;
  readonly #ready = new Map<KeyType, NewKey[]>();
  readonly #making = new Set<Promise<void>>();
  #closed = false;

  /** Prepares nothing before it is asked. */
  constructor({ keys, size = DEFAULT_SIZE, concurrency = 1 }: KeyPoolOptions) {
    this.#keys = keys;
    this.#size = size;
    this.#concurrency = concurrency;
  }

  /** How many keys of the kind are ready. */
  readyCount(type: KeyType): number {
    return this.#ready.get(type)?.length ?? 0;
  }

  /** See {@linkcode KeyMaker.generate}. */
  generate(type: KeyType): Promise<NewKey> {
    if (!type.startsWith("rsa-")) return this.#keys.generate(type);
    const ready = this.#readyOf(type);
    const key = ready.shift();
    // In a burst of renewals the processor is needed for signatures first.
    if (ready.length < this.#size / 2) this.#refill(type);
    return key === undefined ? this.#keys.generate(type) : Promise.resolve(key);
  }

  /** See {@linkcode KeyMaker.import}. */
  import(pkcs8: Uint8Array): Promise<SigningKey> {
    return this.#keys.import(pkcs8);
  }

  /** Resolves when as many keys of the kind are ready as will be. */
  async fill(type: KeyType): Promise<void> {
    this.#refill(type);
    while (this.#making.size > 0) await Promise.all(this.#making);
  }

  /** Prepares no more; resolves when those under way are done. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#ready.clear();
    await Promise.all(this.#making);
  }

  #readyOf(type: KeyType): NewKey[] {
    const ready = this.#ready.get(type) ?? [];
    this.#ready.set(type, ready);
    return ready;
  }

  #refill(type: KeyType): void {
    while (!this.#closed && this.#making.size < this.#concurrency && this.#lacks(type)) {
      const run = this.#prepare(type);
      this.#making.add(run);
      void run.finally(() => {
        this.#making.delete(run);
        this.#refill(type);
      });
    }
  }

  #lacks(type: KeyType): boolean {
    return this.#readyOf(type).length + this.#making.size < this.#size;
  }

  async #prepare(type: KeyType): Promise<void> {
    try {
      const key = await this.#keys.generate(type);
      if (!this.#closed) this.#readyOf(type).push(key);
    } catch {
      // Whoever asks next makes one in place, and is told what went wrong.
      this.#closed = true;
    }
  }
}

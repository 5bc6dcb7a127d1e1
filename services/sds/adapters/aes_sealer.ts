// SPDX-License-Identifier: Apache-2.0
/**
 * Keeps keys secret at rest: AES-256-GCM under a key that is derived (HKDF-SHA-256) from the secret that
 * the operator gave. A sealed value is one byte of version, 12 of nonce, then ciphertext and tag; its
 * context is authenticated, so that one sealed value cannot stand in for another.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import type { Sealer } from "../domain/ca/signing_key.ts";

const VERSION = 1;
const NONCE_BYTES = 12;
const HEAD_BYTES = 1 + NONCE_BYTES;

/** Seals with one key. */
export class AesSealer implements Sealer {
  readonly #key: CryptoKey;

  private constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** Derives the key from a secret of high entropy, 32 bytes or more (see `sealing_secret.ts`). */
  static async create(secret: Uint8Array): Promise<AesSealer> {
    const material = await crypto.subtle.importKey("raw", new Uint8Array(secret), "HKDF", false, [
      "deriveKey",
    ]);
    const info = new TextEncoder().encode("denvoy sds keys at rest");
    const derivation = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info };
    const algorithm = { name: "AES-GCM", length: 256 };
    const usages: KeyUsage[] = ["encrypt", "decrypt"];
    return new AesSealer(
      await crypto.subtle.deriveKey(derivation, material, algorithm, false, usages),
    );
  }

  /** See {@linkcode Sealer.seal}. */
  async seal(plain: Uint8Array, context: string): Promise<Uint8Array> {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const body = await crypto.subtle.encrypt(
      parameters(nonce, context),
      this.#key,
      new Uint8Array(plain),
    );
    const sealed = new Uint8Array(HEAD_BYTES + body.byteLength);
    sealed[0] = VERSION;
    sealed.set(nonce, 1);
    sealed.set(new Uint8Array(body), HEAD_BYTES);
    return sealed;
  }

  /** See {@linkcode Sealer.open}. */
  async open(sealed: Uint8Array, context: string): Promise<Uint8Array> {
    try {
      if (sealed[0] !== VERSION) throw new RangeError("unknown version");
      const nonce = new Uint8Array(sealed.subarray(1, HEAD_BYTES));
      const body = new Uint8Array(sealed.subarray(HEAD_BYTES));
      return new Uint8Array(
        await crypto.subtle.decrypt(parameters(nonce, context), this.#key, body),
      );
    } catch {
      const message = `cannot open ${context} as it must have been sealed with the key that is ` +
        `given now: it was sealed with another, or is damaged`;
      throw new StatusError(StatusCode.FAILED_PRECONDITION, message);
    }
  }
}

function parameters(nonce: Uint8Array<ArrayBuffer>, context: string): AesGcmParams {
  return { name: "AES-GCM", iv: nonce, additionalData: new TextEncoder().encode(context) };
}

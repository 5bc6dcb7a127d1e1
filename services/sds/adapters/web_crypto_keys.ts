// SPDX-License-Identifier: Apache-2.0
/**
 * Makes keys and signs with WebCrypto.
 * @module
 */
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { expectDerTag, readDer, StatusCode, StatusError } from "@denvoy/base";
import { derSequence, derUnsigned } from "../domain/ca/der.ts";
import type { KeyMaker, NewKey, SigningKey } from "../domain/ca/signing_key.ts";
import type { KeyType } from "../domain/certificate_facts.ts";

/** What WebCrypto is told of a kind of key. */
interface KeyAlgorithms {
  readonly generate: RsaHashedKeyGenParams | EcKeyGenParams | { readonly name: "Ed25519" };
  readonly sign: EcdsaParams | { readonly name: "RSASSA-PKCS1-v1_5" | "Ed25519" };
}

function ec(namedCurve: string, hash: string): KeyAlgorithms {
  return { generate: { name: "ECDSA", namedCurve }, sign: { name: "ECDSA", hash } };
}

function rsa(modulusLength: number): KeyAlgorithms {
  const name = "RSASSA-PKCS1-v1_5";
  const publicExponent = Uint8Array.of(1, 0, 1);
  return { generate: { name, modulusLength, publicExponent, hash: "SHA-256" }, sign: { name } };
}

const algorithms: Readonly<Record<KeyType, KeyAlgorithms>> = {
  "ec-p256": ec("P-256", "SHA-256"),
  "ec-p384": ec("P-384", "SHA-384"),
  "rsa-2048": rsa(2048),
  "rsa-3072": rsa(3072),
  "rsa-4096": rsa(4096),
  "ed25519": { generate: { name: "Ed25519" }, sign: { name: "Ed25519" } },
};

/** Keys of WebCrypto. */
export class WebCryptoKeys implements KeyMaker {
  /** See {@linkcode KeyMaker.generate}. */
  async generate(type: KeyType): Promise<NewKey> {
    const pair = await crypto.subtle.generateKey(algorithms[type].generate, true, [
      "sign",
      "verify",
    ]);
    if (!("privateKey" in pair)) throw new TypeError("Cannot generate key as it must be a pair");
    const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
    const spki = spkiWithin(type, pkcs8) ??
      new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
    return { type, pkcs8, spki, sign: (data) => sign(type, { key: pair.privateKey, data }) };
  }

  /** See {@linkcode KeyMaker.import}. */
  async import(pkcs8: Uint8Array): Promise<SigningKey> {
    const key = createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
    const type = keyTypeOf(key);
    const spki = new Uint8Array(createPublicKey(key).export({ type: "spki", format: "der" }));
    const bytes = new Uint8Array(pkcs8);
    const { generate } = algorithms[type];
    const imported = await crypto.subtle.importKey("pkcs8", bytes, generate, false, ["sign"]);
    return { type, spki, sign: (data) => sign(type, { key: imported, data }) };
  }
}

/** Returns the kind of a key. @throws StatusError FAILED_PRECONDITION for one that no CA signs with. */
function keyTypeOf(key: KeyObject): KeyType {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  const name = [key.asymmetricKeyType, namedCurve, modulusLength].filter(Boolean).join("-");
  const types: Readonly<Record<string, KeyType>> = {
    "ec-prime256v1": "ec-p256",
    "ec-secp384r1": "ec-p384",
    "rsa-2048": "rsa-2048",
    "rsa-3072": "rsa-3072",
    "rsa-4096": "rsa-4096",
    "ed25519": "ed25519",
  };
  const type = types[name];
  if (type !== undefined) return type;
  const allowed = Object.values(types).join(", ");
  const message = `cannot sign with key as its kind must be one of ${allowed}: is ${name}`;
  throw new StatusError(StatusCode.FAILED_PRECONDITION, message);
}

async function sign(
  type: KeyType,
  { key, data }: { readonly key: CryptoKey; readonly data: Uint8Array },
): Promise<Uint8Array> {
  const bytes = data.buffer instanceof ArrayBuffer ? data : data.slice();
  const raw = new Uint8Array(
    await crypto.subtle.sign(algorithms[type].sign, key, new Uint8Array(bytes)),
  );
  if (!type.startsWith("ec-")) return raw;
  // WebCrypto gives r and s side by side, certificates hold them as a SEQUENCE (RFC 3279, 2.2.3).
  const half = raw.length / 2;
  return derSequence(derUnsigned(raw.subarray(0, half)), derUnsigned(raw.subarray(half)));
}

const p256Algorithm = Uint8Array.fromHex("301306072a8648ce3d020106082a8648ce3d030107");
const P256_POINT_BYTES = 65;

/**
 * A P-256 key in PKCS#8 carries its public half, which spares an export that takes as long as a
 * signature (benches/sds). Undefined when it does not.
 */
function spkiWithin(type: KeyType, pkcs8: Uint8Array): Uint8Array | undefined {
  if (type !== "ec-p256") return undefined;
  const [, , octets] = readDer(expectDerTag(readDer(pkcs8)[0], 0x30));
  const parts = readDer(expectDerTag(readDer(expectDerTag(octets, 0x04))[0], 0x30));
  const tagged = parts.find((part) => part.tag === 0xa1);
  const [bits] = tagged === undefined ? [] : readDer(tagged.content);
  if (bits?.content.length !== P256_POINT_BYTES + 1) return undefined;
  return derSequence(p256Algorithm, bits.raw);
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What a key is, and whether it made a signature.
 * @module
 */
import { type KeyObject, verify } from "node:crypto";
import { expectDerTag, readDer, readDerObjectId } from "@denvoy/base";
import type { KeyFacts } from "../domain/certificate_facts.ts";
import type { SignatureVerdict } from "../domain/x509_reader.ts";

const curves: Readonly<Record<string, { readonly curve: string; readonly bits: number }>> = {
  prime256v1: { curve: "P-256", bits: 256 },
  secp384r1: { curve: "P-384", bits: 384 },
  secp521r1: { curve: "P-521", bits: 521 },
};

/** Returns what may be told of a public or private key. */
export function keyFactsOf(key: KeyObject): KeyFacts {
  const { namedCurve = "", modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "rsa":
      return { family: "rsa", bits: modulusLength };
    case "ed25519":
      return { family: "ed25519", bits: 256 };
    case "ec":
      return { family: "ec", ...curves[namedCurve] ?? { curve: namedCurve, bits: 0 } };
    default:
      return { family: "other", bits: modulusLength };
  }
}

/** Digests by the object identifier of a signature's algorithm; `none` for Ed25519. */
const digests: Readonly<Record<string, string>> = {
  "1.2.840.10045.4.1": "sha1",
  "1.2.840.10045.4.3.1": "sha224",
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
  "1.2.840.113549.1.1.4": "md5",
  "1.2.840.113549.1.1.5": "sha1",
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.3.101.112": "none",
};

/** Returns the digest of a signature algorithm; `unknown` for one that is not computed here. */
export function digestOf(signatureAlgorithm: string): string {
  return digests[signatureAlgorithm] ?? "unknown";
}

/**
 * Tells whether the key made the signature of a signed structure: a SEQUENCE of what is signed, the
 * algorithm, and the signature as BIT STRING. @throws Error when it is none.
 */
export function signatureIsRight(signedDer: Uint8Array, key: KeyObject): SignatureVerdict {
  const [signed, algorithm, bits] = readDer(expectDerTag(readDer(signedDer)[0], 0x30));
  const [id] = readDer(expectDerTag(algorithm, 0x30));
  const digest = digestOf(readDerObjectId(expectDerTag(id, 0x06)));
  const signature = expectDerTag(bits, 0x03).subarray(1);
  const known = curves[key.asymmetricKeyDetails?.namedCurve ?? "prime256v1"];
  // P-521 is known to Deno's node:crypto by name, but it cannot compute with it.
  if (digest === "unknown" || signed === undefined || known === undefined || known.bits === 521) {
    return "unsupported";
  }
  const right = verify(digest === "none" ? undefined : digest, signed.raw, key, signature);
  return right ? "right" : "wrong";
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What a key is, and whether it made a signature.
 * @module
 */
import { type KeyObject, verify } from "node:crypto";
import { expectDerTag, readDer } from "@denvoy/base";
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

/** Digests by the object identifier of a signature's algorithm; "none" for Ed25519. */
const digests: Readonly<Record<string, string>> = {
  "06082a8648ce3d040301": "sha224",
  "06082a8648ce3d040302": "sha256",
  "06082a8648ce3d040303": "sha384",
  "06082a8648ce3d040304": "sha512",
  "06072a8648ce3d0401": "sha1",
  "06092a864886f70d010105": "sha1",
  "06092a864886f70d01010b": "sha256",
  "06092a864886f70d01010c": "sha384",
  "06092a864886f70d01010d": "sha512",
  "06032b6570": "none",
};

/**
 * Tells whether the key made the signature of a signed structure: a SEQUENCE of what is signed, the
 * algorithm, and the signature as BIT STRING. @throws Error when it is none.
 */
export function signatureIsRight(signedDer: Uint8Array, key: KeyObject): SignatureVerdict {
  const [signed, algorithm, bits] = readDer(expectDerTag(readDer(signedDer)[0], 0x30));
  const [id] = readDer(expectDerTag(algorithm, 0x30));
  const digest = digests[id?.raw.toHex() ?? ""];
  const signature = expectDerTag(bits, 0x03).subarray(1);
  const known = curves[key.asymmetricKeyDetails?.namedCurve ?? "prime256v1"];
  // P-521 is known to Deno's node:crypto by name, but it cannot compute with it.
  if (digest === undefined || signed === undefined || known === undefined || known.bits === 521) {
    return "unsupported";
  }
  const right = verify(digest === "none" ? undefined : digest, signed.raw, key, signature);
  return right ? "right" : "wrong";
}

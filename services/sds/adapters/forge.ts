// SPDX-License-Identifier: Apache-2.0
/**
 * The parts of node-forge that are used: what neither WebCrypto nor Deno's `node:crypto` has.
 * @module
 */
// @ts-types="@types/node-forge"
import forge from "node-forge";
import { DerivationBudget } from "../domain/key_derivation.ts";

/** ASN.1 as node-forge keeps it. */
export type ForgeAsn1 = forge.asn1.Asn1;

/** A bag of a PKCS#12 file. */
export type ForgeBag = forge.pkcs12.Bag;

/** Returns bytes as node-forge wants them: a string of one character a byte. */
export function binaryOf(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return text;
}

/** Returns the bytes of what node-forge returned. */
export function bytesOf(binary: string): Uint8Array {
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** Returns the DER of an element. */
export function derOf(element: ForgeAsn1): Uint8Array {
  return bytesOf(forge.asn1.toDer(element).getBytes());
}

/** Reads DER; throws when it is none. */
export function asn1Of(der: Uint8Array): ForgeAsn1 {
  return forge.asn1.fromDer(binaryOf(der));
}

/**
 * Decrypts PKCS#8; throws, or returns nothing, for a wrong passphrase.
 * @throws DerivationError when that is too much work
 */
export function decryptPkcs8(der: Uint8Array, passphrase: string): Uint8Array | undefined {
  return withinBudget(() => {
    const info: ForgeAsn1 | null = forge.pki.decryptPrivateKeyInfo(asn1Of(der), passphrase);
    return info === null ? undefined : derOf(info);
  });
}

/** What a PKCS#12 file holds: keys, and certificates with or without one. */
export interface Pkcs12Bags {
  /** Bags with keys, encrypted in the file or not. */
  readonly keys: readonly ForgeBag[];
  /** Bags with certificates. */
  readonly certificates: readonly ForgeBag[];
}

/**
 * Opens a PKCS#12 file; throws for a wrong passphrase or when it is none.
 * @throws DerivationError when that is too much work
 */
export function openPkcs12(der: Uint8Array, passphrase: string): Pkcs12Bags {
  const { pkcs8ShroudedKeyBag, keyBag, certBag } = forge.pki.oids;
  const file = withinBudget(() => forge.pkcs12.pkcs12FromAsn1(asn1Of(der), false, passphrase));
  const bags = (type: string | undefined): readonly ForgeBag[] =>
    type === undefined ? [] : file.getBags({ bagType: type })[type] ?? [];
  return {
    keys: [...bags(pkcs8ShroudedKeyBag), ...bags(keyBag)],
    certificates: bags(certBag),
  };
}

/** Returns the DER PKCS#8 of a key in a bag. */
export function keyOfBag({ key, asn1 }: ForgeBag): Uint8Array {
  if (key === null || key === undefined) return derOf(asn1);
  return derOf(forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(key)));
}

/** Returns the DER of a certificate in a bag. */
export function certificateOfBag({ cert, asn1 }: ForgeBag): Uint8Array {
  return derOf(cert === null || cert === undefined ? asn1 : forge.pki.certificateToAsn1(cert));
}

/** A hash of node-forge. */
interface ForgeDigest {
  readonly digestLength: number;
  readonly blockLength: number;
}

/** Where node-forge derives keys; its own code calls these by name each time. */
interface ForgeDerivations {
  readonly pkcs5: {
    pbkdf2(...values: readonly [string, string, number, number, ForgeDigest]): string;
  };
  readonly pbe: { generatePkcs12Key: Pkcs12Derivation };
  readonly pkcs12: { generateKey: Pkcs12Derivation };
}

type Pkcs12Derivation = (
  ...values: readonly [string, unknown, number, number, number, (ForgeDigest | null)?]
) => unknown;

const SHA1: ForgeDigest = { digestLength: 20, blockLength: 64 };
let budget = new DerivationBudget();
countDerivations(forge as unknown as ForgeDerivations);

/** node-forge runs to its end without a pause: nothing else spends the budget meanwhile. */
function withinBudget<T>(open: () => T): T {
  budget = new DerivationBudget();
  return open();
}

/**
 * Counts are deep in a file, some within what must be decrypted first: they are looked at where they are
 * used, before each derivation.
 */
function countDerivations({ pkcs5, pbe, pkcs12 }: ForgeDerivations): void {
  const { pbkdf2 } = pkcs5;
  pkcs5.pbkdf2 = (...values) => {
    const [, , iterations, bytes, digest] = values;
    budget.spend(2 * hashesOf(digest, { iterations, bytes }));
    return pbkdf2(...values);
  };
  const { generatePkcs12Key } = pbe;
  const counted: Pkcs12Derivation = (...values) => {
    const [, , , iterations, bytes, digest] = values;
    budget.spend(hashesOf(digest ?? SHA1, { iterations, bytes }));
    return generatePkcs12Key(...values);
  };
  pbe.generatePkcs12Key = counted;
  pkcs12.generateKey = counted;
}

/** SHA-384 and SHA-512 take three times as long as the others. */
function hashesOf(
  { digestLength, blockLength }: ForgeDigest,
  { iterations, bytes }: { readonly iterations: number; readonly bytes: number },
): number {
  return iterations * Math.ceil(bytes / digestLength) * (blockLength > 64 ? 3 : 1);
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The parts of node-forge that are used: what neither WebCrypto nor Deno's `node:crypto` has.
 * @module
 */
// @ts-types="@types/node-forge"
import forge from "node-forge";

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

/** Decrypts PKCS#8; throws, or returns nothing, for a wrong passphrase. */
export function decryptPkcs8(der: Uint8Array, passphrase: string): Uint8Array | undefined {
  const info: ForgeAsn1 | null = forge.pki.decryptPrivateKeyInfo(asn1Of(der), passphrase);
  return info === null ? undefined : derOf(info);
}

/** What a PKCS#12 file holds: keys, and certificates with or without one. */
export interface Pkcs12Bags {
  /** Bags with keys, encrypted in the file or not. */
  readonly keys: readonly ForgeBag[];
  /** Bags with certificates. */
  readonly certificates: readonly ForgeBag[];
}

/** Opens a PKCS#12 file; throws for a wrong passphrase or when it is none. */
export function openPkcs12(der: Uint8Array, passphrase: string): Pkcs12Bags {
  const { pkcs8ShroudedKeyBag, keyBag, certBag } = forge.pki.oids;
  const file = forge.pkcs12.pkcs12FromAsn1(asn1Of(der), false, passphrase);
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

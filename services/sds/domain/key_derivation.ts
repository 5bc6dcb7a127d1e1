// SPDX-License-Identifier: Apache-2.0
/**
 * How much work an encrypted key wants before its passphrase can be tried. The file says so itself, and
 * nothing else runs meanwhile: what wants too much is refused unread.
 * @module
 */
import { expectDerTag, readDer, readDerObjectId } from "@denvoy/base";
import { DerTag } from "./ca/der.ts";

/** OWASP asks for 600,000 with SHA-256; they take about a second. */
const MAX_ITERATIONS = 600_000;
/** N·r·p; memory is 128 bytes for each of N·r. */
const MAX_SCRYPT_WORK = 2 ** 20;
/** An iteration of PBKDF2 takes two of them. In JavaScript they take about a second. */
const MAX_HASHES = 100_000;

const PBES2 = "1.2.840.113549.1.5.13";
const PBKDF2 = "1.2.840.113549.1.5.12";
const SCRYPT = "1.3.6.1.4.1.11591.4.11";
const AES = "2.16.840.1.101.3.4.1.";
/** HMAC with SHA-256, SHA-384 and SHA-512. */
const SHA2_PRFS: readonly string[] = [9, 10, 11].map((last) => `1.2.840.113549.2.${last}`);

/** The work that was asked for is more than is done. Its message completes "as …". */
export class DerivationError extends Error {}

/**
 * Checks how the key of an EncryptedPrivateKeyInfo (RFC 5958, 8018, 7914) is derived; other schemes than
 * PBES2 are checked as they are used.
 * @throws DerivationError beyond 600,000 iterations of PBKDF2, or N·r·p of 2^20; RangeError for bytes
 * that are no such thing
 */
export function checkDerivation(der: Uint8Array): void {
  const scheme = readScheme(der);
  switch (scheme?.derivation) {
    case PBKDF2:
      return atMost(MAX_ITERATIONS, numberOf(scheme.parameters[1]), "iterations of PBKDF2");
    case SCRYPT: {
      const work = scheme.parameters.slice(1, 4).map(numberOf).reduce((all, one) => all * one, 1);
      return atMost(MAX_SCRYPT_WORK, work, "as N·r·p of scrypt");
    }
  }
}

/**
 * Whether the key is derived by scrypt, or by PBKDF2 with a SHA-2, and encrypted with AES: what every
 * platform knows.
 * @throws RangeError for bytes that are no EncryptedPrivateKeyInfo
 */
export function isModernDerivation(der: Uint8Array): boolean {
  const scheme = readScheme(der);
  if (scheme === undefined || !scheme.cipher.startsWith(AES)) return false;
  if (scheme.derivation === SCRYPT) return true;
  const prf = scheme.parameters.at(-1);
  return prf?.tag === DerTag.sequence && SHA2_PRFS.includes(objectIdOf(elementsOf(prf)[0]));
}

function readScheme(der: Uint8Array) {
  const [scheme, parameters] = elementsOf(elementsOf(readDer(der)[0])[0]);
  if (objectIdOf(scheme) !== PBES2) return undefined;
  const [derivation, cipher] = elementsOf(parameters).map(elementsOf);
  return {
    derivation: objectIdOf(derivation?.[0]),
    parameters: elementsOf(derivation?.[1]),
    cipher: objectIdOf(cipher?.[0]),
  };
}

/** Adds up what one file asks for, where each of its parts is derived for itself. */
export class DerivationBudget {
  #hashes = 0;

  /** Counts hashes that are about to be made. @throws DerivationError beyond 100,000 of one file */
  spend(hashes: number): void {
    // A count of 2^31 and more is negative in 32 bits, and must give nothing back.
    this.#hashes += Math.abs(hashes);
    atMost(MAX_HASHES, this.#hashes, "hashes in all to derive its keys");
  }
}

function atMost(most: number, value: number, what: string): void {
  if (value <= most) return;
  throw new DerivationError(`it must ask for at most ${most} ${what}: asks for ${value}`);
}

type Element = ReturnType<typeof readDer>[number] | undefined;

function elementsOf(element: Element) {
  return readDer(expectDerTag(element, DerTag.sequence));
}

function objectIdOf(element: Element): string {
  return readDerObjectId(expectDerTag(element, DerTag.objectId));
}

function numberOf(element: Element): number {
  const digits = expectDerTag(element, DerTag.integer);
  return digits.reduce((number, digit) => number * 256 + digit, 0);
}

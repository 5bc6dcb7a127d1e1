// SPDX-License-Identifier: Apache-2.0
/**
 * The state of the CA as bytes, to be sealed as a whole; the keys in it are sealed each by itself.
 * @module
 */
import type { CaState } from "../domain/ca/ca_store.ts";

/** A CA and what it is. */
export interface CaDocument {
  /** Identifies the CA among all that there ever were. */
  readonly id: string;
  /** All that it is. */
  readonly state: CaState;
}

/** Marks bytes, in an object of this one key. */
const BYTES = "$bytes";

/** Returns the document as bytes. */
export function writeCaDocument(document: CaDocument): Uint8Array {
  const text = JSON.stringify(
    document,
    (_key, value: unknown) => value instanceof Uint8Array ? { [BYTES]: value.toBase64() } : value,
  );
  return new TextEncoder().encode(text);
}

/** Reads what {@linkcode writeCaDocument} returned. @throws SyntaxError for anything else */
export function readCaDocument(bytes: Uint8Array): CaDocument {
  const text = new TextDecoder().decode(bytes);
  return JSON.parse(text, (_key, value: unknown) => {
    if (typeof value !== "object" || value === null || !(BYTES in value)) return value;
    return Uint8Array.fromBase64(String(value[BYTES]));
  }) as CaDocument;
}

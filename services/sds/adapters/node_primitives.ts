// SPDX-License-Identifier: Apache-2.0
/**
 * Randomness and digests of the platform.
 * @module
 */
import { createHash } from "node:crypto";
import type { CaPrimitives } from "../domain/ca/signing_key.ts";

/** See {@linkcode CaPrimitives}. */
export const nodePrimitives: CaPrimitives = {
  randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  sha256: (bytes) => new Uint8Array(createHash("sha256").update(bytes).digest()),
};

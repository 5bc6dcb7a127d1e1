// SPDX-License-Identifier: Apache-2.0
/**
 * Which keys and digests an Envoy takes.
 * @module
 */
import type { KeyFacts } from "./certificate_facts.ts";

const MIN_RSA_BITS = 2048;
/** Larger moduli make a handshake cost so much that they serve to stop a server. */
const MAX_RSA_BITS = 8192;
const CURVES: readonly string[] = ["P-256", "P-384", "P-521"];
const WEAK_DIGESTS: readonly string[] = ["md5", "sha1"];

/** Returns which rule a key breaks; undefined when it breaks none. */
export function keyStrengthProblem(key: KeyFacts): string | undefined {
  switch (key.family) {
    case "rsa":
      if (key.bits >= MIN_RSA_BITS && key.bits <= MAX_RSA_BITS) return undefined;
      return `an RSA key must have ${MIN_RSA_BITS} to ${MAX_RSA_BITS} bits: has ${key.bits}`;
    case "ec":
      if (CURVES.includes(key.curve ?? "")) return undefined;
      return `an EC key must be on one of ${CURVES.join(", ")}: is on ${key.curve ?? "none"}`;
    case "ed25519":
      return undefined;
    default:
      return "its key must be EC, RSA or Ed25519: is of another kind";
  }
}

/** Returns which rule the digest of a signature breaks; undefined when it breaks none. */
export function digestProblem(digest: string): string | undefined {
  if (!WEAK_DIGESTS.includes(digest)) return undefined;
  return `it must be signed with SHA-256 or stronger: is signed with ${digest}`;
}

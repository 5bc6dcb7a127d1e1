// SPDX-License-Identifier: Apache-2.0
/**
 * JWTs (RFC 7519) that callers show, checked against the public keys of a JWKS or PEM file. Only
 * asymmetric algorithms: a shared key would let every caller make tokens.
 * @module
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { type Clock, type Problem, ProblemError, StatusCode, StatusError } from "@denvoy/base";
import { MAX_FILE_BYTES, readFileContent, textOf } from "@denvoy/runtime";
import type { ProvenIdentity } from "../domain/caller.ts";
import type { JwtVerifier } from "../domain/key_importer.ts";

/** What a token must say. */
export interface JwtRules {
  /** `iss`; any when absent. */
  readonly issuer: string | undefined;
  /** `aud`, of which one must be this. */
  readonly audience: string;
  /** The present. */
  readonly clock: Pick<Clock, "nowMs">;
}

interface JwtKey {
  readonly id: string | undefined;
  readonly key: KeyObject;
}

interface Algorithm {
  readonly keyType: string;
  readonly digest: string | undefined;
}

const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map([
  ["ES256", { keyType: "ec", digest: "sha256" }],
  ["ES384", { keyType: "ec", digest: "sha384" }],
  ["RS256", { keyType: "rsa", digest: "sha256" }],
  ["EdDSA", { keyType: "ed25519", digest: undefined }],
]);
/** Clocks may differ by this much. */
const LEEWAY_MS = 30_000;
const MAX_TOKEN_LENGTH = 16_384;
/** RFC 7518, 3.3. */
const MIN_RSA_BITS = 2048;

/** Checks tokens with the keys of one file. */
export class JwtKeys implements JwtVerifier {
  readonly #keys: readonly JwtKey[];
  readonly #rules: JwtRules;

  private constructor(keys: readonly JwtKey[], rules: JwtRules) {
    this.#keys = keys;
    this.#rules = rules;
  }

  /** Reads the keys. Rejects with ProblemError for a file that holds none. */
  static async load(path: string, rules: JwtRules): Promise<JwtKeys> {
    const content = await readFileContent(path);
    const text = content.kind === "bytes" ? textOf(content.bytes) : undefined;
    if (text === undefined || text.length > MAX_FILE_BYTES) throw unusable(path);
    const keys = readKeys(text);
    if (keys.length === 0) throw unusable(path);
    for (const { key } of keys) {
      const bits = key.asymmetricKeyDetails?.modulusLength ?? MIN_RSA_BITS;
      if (key.asymmetricKeyType === "rsa" && bits < MIN_RSA_BITS) throw weak(path, bits);
    }
    return new JwtKeys(keys, rules);
  }

  /** See {@linkcode JwtVerifier.verify}. */
  verify(token: string): ProvenIdentity {
    if (token.length > MAX_TOKEN_LENGTH) throw refused("it is too long");
    const [head = "", body = "", signature = ""] = token.split(".");
    const { alg, kid, crit } = decode(head);
    const algorithm = typeof alg === "string" ? ALGORITHMS.get(alg) : undefined;
    if (algorithm === undefined) throw refused("its algorithm is not taken");
    // RFC 7515, 4.1.11: what must be understood, and no extension is known here.
    if (crit !== undefined) throw refused("it has extensions that are not known");
    const data = new TextEncoder().encode(`${head}.${body}`);
    const isSigned = this.#keys.some(({ id, key }) =>
      (id === undefined || kid === undefined || id === kid) &&
      isSignedBy(key, { algorithm, data, signature })
    );
    if (!isSigned) throw refused("no known key made its signature");
    return this.#subject(decode(body));
  }

  #subject(claims: Readonly<Record<string, unknown>>): ProvenIdentity {
    const { issuer, audience, clock } = this.#rules;
    const nowMs = clock.nowMs();
    const { iss, sub, aud, exp, nbf } = claims;
    if (typeof exp !== "number" || exp * 1000 + LEEWAY_MS <= nowMs) throw refused("it is over");
    if (typeof nbf === "number" && nbf * 1000 - LEEWAY_MS > nowMs) throw refused("it begins later");
    if (issuer !== undefined && iss !== issuer) throw refused("its issuer is another");
    if (![aud].flat().includes(audience)) throw refused("its audience is another");
    if (typeof sub !== "string" || sub === "") throw refused("it names no subject");
    return { identity: sub, validUntilMs: exp * 1000 + LEEWAY_MS };
  }
}

function isSignedBy(
  key: KeyObject,
  { algorithm, data, signature }: {
    readonly algorithm: Algorithm;
    readonly data: Uint8Array;
    readonly signature: string;
  },
): boolean {
  if (key.asymmetricKeyType !== algorithm.keyType) return false;
  try {
    const bytes = Uint8Array.fromBase64(signature, { alphabet: "base64url" });
    const options = {
      key,
      ...(algorithm.keyType === "ec" && { dsaEncoding: "ieee-p1363" as const }),
    };
    return verify(algorithm.digest, data, options, bytes);
  } catch {
    return false;
  }
}

function decode(part: string): Readonly<Record<string, unknown>> {
  try {
    const bytes = Uint8Array.fromBase64(part, { alphabet: "base64url" });
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw refused("it cannot be read");
}

function readKeys(text: string): readonly JwtKey[] {
  try {
    return text.trimStart().startsWith("{") ? readJwks(text) : [readPem(text)];
  } catch {
    // The cause is dropped: it could quote a key.
    return [];
  }
}

function readJwks(text: string): readonly JwtKey[] {
  const { keys } = JSON.parse(text) as { readonly keys: readonly Record<string, string>[] };
  return keys.map((jwk) => ({
    id: jwk.kid,
    key: createPublicKey({ key: jwk, format: "jwk" }),
  }));
}

function readPem(text: string): JwtKey {
  return { id: undefined, key: createPublicKey(text) };
}

function unusable(file: string): ProblemError {
  const message = "must hold public keys as a JWKS or in PEM";
  const problem: Problem = { severity: "error", file, message };
  return new ProblemError([problem]);
}

function weak(file: string, bits: number): ProblemError {
  const message = `RSA keys must have ${MIN_RSA_BITS} bits or more: one has ${bits}`;
  return new ProblemError([{ severity: "error", file, message }]);
}

function refused(why: string): StatusError {
  return new StatusError(StatusCode.UNAUTHENTICATED, `the JWT proves nothing as ${why}`);
}

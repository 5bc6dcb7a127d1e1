// SPDX-License-Identifier: Apache-2.0
/**
 * Trust bundles as trust domains exchange them (SPIFFE Trust Domain and Bundle, section 4): a JWK set of
 * CA certificates.
 * @module
 */
import { err, ok, type Result } from "@denvoy/base";
import { readPem, writePem } from "./pem.ts";
import type { X509Reader } from "./x509_reader.ts";

/** A bundle in transit. */
export interface SpiffeBundle {
  /** PEM of the CA certificates. */
  readonly bundlePem: string;
  /** Rises with each change (`spiffe_sequence`); absent when the other side does not count. */
  readonly sequence?: number;
  /** How often to ask for it (`spiffe_refresh_hint`), in milliseconds; absent when it does not say. */
  readonly refreshHintMs?: number;
}

const USE = "x509-svid";
const MAX_KEYS = 1000;

/** Returns the JSON that other trust domains read. */
export function writeSpiffeBundle(bundle: SpiffeBundle, x509: X509Reader): Record<string, unknown> {
  const blocks = readPem(bundle.bundlePem);
  const ders = blocks.ok ? blocks.value.map(({ der }) => der) : [];
  const { sequence, refreshHintMs } = bundle;
  return {
    keys: ders.map((der) => ({ ...x509.publicJwk(der), use: USE, x5c: [der.toBase64()] })),
    ...(sequence !== undefined && { spiffe_sequence: sequence }),
    ...(refreshHintMs !== undefined && {
      spiffe_refresh_hint: Math.max(1, Math.floor(refreshHintMs / 1000)),
    }),
  };
}

/**
 * Returns what another trust domain published, or why it cannot be used. Keys for other purposes (JWT) are
 * left out; a bundle without any for X.509 would make every peer of that domain refused, so it is an error.
 */
export function readSpiffeBundle(json: unknown, x509: X509Reader): Result<SpiffeBundle, string> {
  const refuse = (rule: string) => err(`cannot use SPIFFE bundle as ${rule}`);
  if (!isRecord(json) || !Array.isArray(json.keys)) return refuse("it must be a JWK set: is none");
  if (json.keys.length > MAX_KEYS) {
    return refuse(`it must have at most ${MAX_KEYS} keys: has ${json.keys.length}`);
  }
  const certificates: string[] = [];
  for (const key of json.keys) {
    if (!isRecord(key) || key.use !== USE) continue;
    const der = certificateOf(key.x5c);
    if (der === undefined || x509.readCertificate(der) === undefined) {
      return refuse(`each "${USE}" key must have one certificate in "x5c": one has not`);
    }
    certificates.push(writePem("CERTIFICATE", der));
  }
  if (certificates.length === 0) return refuse(`it must have a key for "${USE}": has none`);
  return ok({
    bundlePem: [...new Set(certificates)].join(""),
    ...numberAs("sequence", json.spiffe_sequence, 1),
    ...numberAs("refreshHintMs", json.spiffe_refresh_hint, 1000),
  });
}

function certificateOf(x5c: unknown): Uint8Array | undefined {
  if (!Array.isArray(x5c) || x5c.length !== 1 || typeof x5c[0] !== "string") return undefined;
  try {
    return Uint8Array.fromBase64(x5c[0]);
  } catch {
    return undefined;
  }
}

function numberAs<K extends string>(
  key: K,
  value: unknown,
  unit: number,
): Partial<Record<K, number>> {
  if (typeof value !== "number" || !Number.isFinite(value) || value <= 0) return {};
  const entry: Partial<Record<K, number>> = {};
  entry[key] = value * unit;
  return entry;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

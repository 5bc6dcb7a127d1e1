// SPDX-License-Identifier: Apache-2.0
/**
 * Whether a secret may be sent to an Envoy. Envoy's own rejection comes too late: it keeps a rejected
 * part and puts it live with the next good one, so nothing bad is ever sent.
 * @module
 */
import { err, type Problem, type Result } from "@denvoy/base";
import type { CheckedSecret } from "./secret_facts.ts";
import type { SecretMaterial } from "./secret_material.ts";
import type { X509Reader } from "./x509_reader.ts";

/** What a check needs beside the secret. */
export interface SecretCheckOptions {
  /** The present. */
  readonly nowMs: number;
  /** Reads and compares. */
  readonly x509: X509Reader;
  /** Put before each message's path, e.g. the file of a part. */
  readonly places?: Readonly<Partial<Record<SecretPart, string>>>;
}

/** The parts of a secret, for the place of a problem. */
export type SecretPart = "chain" | "key" | "ocsp" | "bundle" | "crl" | "tickets" | "generic";

/** Returns the secret with its facts, or each thing that is wrong with it. */
export function checkSecret(
  material: SecretMaterial,
  options: SecretCheckOptions,
): Result<CheckedSecret, readonly Problem[]> {
  const message = `cannot use ${material.kind} at ${options.nowMs}`;
  return err([{ severity: "error", message }]);
}

// SPDX-License-Identifier: Apache-2.0
/**
 * TLS keys from files, checked before they are used and read again when they change.
 * @module
 */
import { type Problem, ProblemError } from "@denvoy/base";
import type { Metrics } from "../metrics/metrics.ts";
import { certificateFacts, checkTlsMaterial, type TlsMaterial } from "../tls_material.ts";
import { ReloadedFiles, type ReloadedFilesOptions } from "./reloaded_files.ts";

/** Where the keys of a server are. */
export interface TlsPaths {
  /** Certificate chain, leaf first. */
  readonly cert: string;
  /** Private key of the leaf. */
  readonly key: string;
  /** Roots for client certificates. */
  readonly clientCa?: string;
}

/** Keys that follow their files. */
export type TlsFiles = ReloadedFiles<TlsMaterial>;

/**
 * Loads the keys and keeps them up to date. A pair that does not belong together, as when only one
 * of the files has been replaced so far, is not used. Rejects with ProblemError when they cannot be
 * used at the start.
 */
export function loadTlsFiles(
  paths: TlsPaths,
  options: Omit<ReloadedFilesOptions<TlsMaterial>, "what" | "paths" | "read">,
): Promise<TlsFiles> {
  const all = [paths.cert, paths.key, ...(paths.clientCa === undefined ? [] : [paths.clientCa])];
  return ReloadedFiles.load({
    ...options,
    what: "TLS keys",
    paths: all,
    read: () => readTlsMaterial(paths),
  });
}

/** Reads the keys once. Rejects with ProblemError when they cannot be used. */
export async function readTlsMaterial(paths: TlsPaths): Promise<TlsMaterial> {
  const problems: Problem[] = [];
  const certificateChain = await readPem(paths.cert, problems);
  const privateKey = await readPem(paths.key, problems);
  const clientCa = paths.clientCa === undefined
    ? undefined
    : await readPem(paths.clientCa, problems);
  const material = {
    certificateChain,
    privateKey,
    ...(clientCa !== undefined && { clientCa }),
  };
  if (problems.length === 0) problems.push(...checkTlsMaterial(material, paths));
  if (problems.length > 0) throw new ProblemError(problems);
  return material;
}

/** Registers `<service>_tls_certificate_not_after_seconds`: when the certificate in use expires. */
export function registerTlsMetrics(metrics: Metrics, files: Pick<TlsFiles, "current">): void {
  metrics.observeGauge("tls_certificate_not_after_seconds", {
    help: "When the server's own certificate expires, in seconds since the Unix epoch.",
  }, () => (certificateFacts(files.current.certificateChain)?.notAfterMs ?? 0) / 1000);
}

async function readPem(path: string, problems: Problem[]): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    problems.push({ severity: "error", file: path, message: `cannot read file: ${why}` });
    return "";
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Refuses to start with a port that others can reach and that nothing protects.
 * @module
 */
import type { Problem } from "@denvoy/base";
import { formatAddress, isLoopback, type ListenAddress } from "./config/address.ts";

/** What decides whether ports are exposed; the shared fields of a configuration have this shape. */
export interface Exposure {
  /** Where gRPC listens. */
  readonly grpcAddress: ListenAddress;
  /** Where the HTTP API listens. */
  readonly httpAddress: ListenAddress;
  /** Certificate file; absent means cleartext. */
  readonly tlsCert: string | undefined;
  /** Key file of the certificate. */
  readonly tlsKey: string | undefined;
  /** File with the roots of client certificates. */
  readonly clientCa: string | undefined;
  /** File of revocation lists. */
  readonly tlsCrl?: string | undefined;
  /** Files of bearer tokens of the HTTP API. */
  readonly httpTokenFiles: readonly string[];
  /** Patterns of the certificates that may use the HTTP API. */
  readonly httpAdmins: readonly string[];
  /** Lets everything pass. */
  readonly insecure: boolean;
}

/**
 * Returns what is wrong with the exposure: halves of a TLS setting always, and, unless `insecure`, a
 * port bound wider than loopback without TLS and an HTTP API there for which no administrator is named:
 * roots of client certificates do not name any, as workloads have certificates of theirs too.
 */
export function checkExposure(exposure: Exposure): readonly Problem[] {
  const problems = checkTlsFields(exposure);
  if (exposure.insecure) return problems;
  const tls = exposure.tlsCert !== undefined;
  const named = exposure.httpTokenFiles.length > 0 || exposure.httpAdmins.length > 0;
  const grpc = exposedAt("--grpc-address", exposure.grpcAddress);
  const http = exposedAt("--http-address", exposure.httpAddress);
  const needsTls =
    "cannot listen wider than loopback without TLS: give --tls-cert and --tls-key, " +
    "listen on 127.0.0.1, or allow it with --insecure";
  const needsAuth =
    "cannot offer the HTTP API wider than loopback without saying who may use it: " +
    "give --http-token-file, or --client-ca with --http-admin, listen on 127.0.0.1, or allow it " +
    "with --insecure";
  if (grpc && !tls) problems.push(refusal(grpc, needsTls));
  if (http && !tls) problems.push(refusal(http, needsTls));
  if (http && !named) problems.push(refusal(http, needsAuth));
  return problems;
}

function checkTlsFields(exposure: Exposure): Problem[] {
  const problems: Problem[] = [];
  const { tlsCert, tlsKey, clientCa, tlsCrl, httpAdmins } = exposure;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    const missing = tlsCert === undefined ? "--tls-cert" : "--tls-key";
    problems.push(refusal(missing, "cannot use TLS as --tls-cert and --tls-key go together"));
  }
  if (clientCa !== undefined && tlsCert === undefined && tlsKey === undefined) {
    problems.push(refusal("--client-ca", "cannot ask for client certificates without --tls-cert"));
  }
  if (tlsCrl !== undefined && clientCa === undefined) {
    const message = "cannot refuse revoked client certificates without --client-ca";
    problems.push(refusal("--tls-crl", message));
  }
  if (httpAdmins.length > 0 && clientCa === undefined) {
    const message = "cannot know administrators by certificate without --client-ca";
    problems.push(refusal("--http-admin", message));
  }
  return problems;
}

/**
 * Returns what is allowed but hardly meant: client certificates are asked for, and nobody may use the
 * HTTP API.
 */
export function exposureWarnings(exposure: Exposure): readonly Problem[] {
  const { clientCa, httpAdmins, httpTokenFiles } = exposure;
  if (clientCa === undefined || httpAdmins.length > 0 || httpTokenFiles.length > 0) return [];
  const message = "nobody may use the HTTP API as a certificate alone makes no administrator: " +
    "give --http-admin or --http-token-file";
  return [{ severity: "warning", path: "--client-ca", message }];
}

function exposedAt(flag: string, address: ListenAddress): string | undefined {
  return isLoopback(address) ? undefined : `${flag} ${formatAddress(address)}`;
}

function refusal(path: string, message: string): Problem {
  return { severity: "error", path, message };
}

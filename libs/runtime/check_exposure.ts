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
  /** Files of bearer tokens of the HTTP API. */
  readonly httpTokenFiles: readonly string[];
  /** Lets everything pass. */
  readonly insecure: boolean;
}

/**
 * Returns what is wrong with the exposure: halves of a TLS setting always, and, unless `insecure`, a
 * port bound wider than loopback without TLS and an HTTP API there that asks nobody who they are.
 */
export function checkExposure(exposure: Exposure): readonly Problem[] {
  const problems = checkTlsFields(exposure);
  if (exposure.insecure) return problems;
  const tls = exposure.tlsCert !== undefined;
  const asks = exposure.httpTokenFiles.length > 0 || (tls && exposure.clientCa !== undefined);
  const grpc = exposedAt("--grpc-address", exposure.grpcAddress);
  const http = exposedAt("--http-address", exposure.httpAddress);
  const needsTls =
    "cannot listen wider than loopback without TLS: give --tls-cert and --tls-key, " +
    "listen on 127.0.0.1, or allow it with --insecure";
  const needsAuth = "cannot offer the HTTP API wider than loopback to everybody: give " +
    "--http-token-file or --client-ca, listen on 127.0.0.1, or allow it with --insecure";
  if (grpc && !tls) problems.push(refusal(grpc, needsTls));
  if (http && !tls) problems.push(refusal(http, needsTls));
  if (http && !asks) problems.push(refusal(http, needsAuth));
  return problems;
}

function checkTlsFields(exposure: Exposure): Problem[] {
  const problems: Problem[] = [];
  const { tlsCert, tlsKey, clientCa } = exposure;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    const missing = tlsCert === undefined ? "--tls-cert" : "--tls-key";
    problems.push(refusal(missing, "cannot use TLS as --tls-cert and --tls-key go together"));
  }
  if (clientCa !== undefined && tlsCert === undefined && tlsKey === undefined) {
    problems.push(refusal("--client-ca", "cannot ask for client certificates without --tls-cert"));
  }
  return problems;
}

function exposedAt(flag: string, address: ListenAddress): string | undefined {
  return isLoopback(address) ? undefined : `${flag} ${formatAddress(address)}`;
}

function refusal(path: string, message: string): Problem {
  return { severity: "error", path, message };
}

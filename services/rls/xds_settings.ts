// SPDX-License-Identifier: Apache-2.0
/**
 * The settings of limits that come over xDS.
 * @module
 */
import { type Problem, ProblemError } from "@denvoy/base";
import {
  bool,
  duration,
  oneOf,
  parseAddress,
  path,
  secretFile,
  size,
  string,
  stringList,
  stringMap,
} from "@denvoy/runtime";

/** Fields of rls's configuration. */
export const xdsFields = {
  limitsXds: stringList({
    value: "ADDRESS",
    doc: "ADS server that serves limits (`RateLimitConfig`), beside `--limits` or instead of it; " +
      "several are tried in turn. What it sent last counts while it is away.",
  }),
  limitsXdsMode: oneOf(["auto", "delta", "sotw"], {
    default: "auto",
    doc: "Variant of xDS: `auto` begins with Delta and takes SotW where a server has only that.",
  }),
  limitsXdsNode: string({ default: "rls", doc: "Node id for `--limits-xds`." }),
  limitsXdsCluster: string({ default: "rls", doc: "Node cluster for `--limits-xds`." }),
  limitsXdsMetadata: stringMap({ doc: "Node metadata for `--limits-xds`." }),
  limitsXdsHeaders: stringMap({
    flag: "limits-xds-header",
    secret: true,
    doc: "Header of calls to `--limits-xds`.",
  }),
  limitsXdsTls: bool({
    doc: "Speaks TLS to `--limits-xds`; so does any of the settings of its keys.",
  }),
  limitsXdsCa: path({
    value: "FILE",
    doc: "Roots (PEM) that the certificate of `--limits-xds` must chain to; the system's unless " +
      "given. Reloaded when it changes, as are the next two.",
  }),
  limitsXdsCert: path({ value: "FILE", doc: "Certificate (PEM) to show to `--limits-xds`." }),
  limitsXdsKey: secretFile({ doc: "Private key (PEM) of `--limits-xds-cert`." }),
  limitsXdsServerName: string({
    value: "NAME",
    doc: "Name that the certificate of `--limits-xds` must have, if not the host of its address.",
  }),
  limitsXdsRetryMs: duration({
    default: "500ms",
    minMs: 1,
    doc: "The longest wait before a lost connection to `--limits-xds` is tried again for the " +
      "first time; doubled with each failure.",
  }),
  limitsXdsRetryMaxMs: duration({
    default: "30s",
    minMs: 1,
    doc: "The longest wait between two attempts.",
  }),
  limitsXdsMaxMessageBytes: size({
    default: "32MiB",
    minBytes: 1024,
    doc: "The largest response that `--limits-xds` may send.",
  }),
};

/** @throws ProblemError when an address is none */
export function checkXdsAddresses(addresses: readonly string[]): void {
  const problems = addresses.flatMap((address): readonly Problem[] => {
    if (parseAddress(address, { lowestPort: 1 }) !== undefined) return [];
    const message = '--limits-xds must be "host:port", "[ip6]:port" or "unix:path": ' +
      `is ${JSON.stringify(address)}`;
    return [{ severity: "error", message }];
  });
  if (problems.length > 0) throw new ProblemError(problems);
}

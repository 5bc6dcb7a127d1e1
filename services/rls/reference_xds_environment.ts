// SPDX-License-Identifier: Apache-2.0
/**
 * The environment variables with which envoyproxy/ratelimit takes its limits over xDS, by the names
 * of our own. They count with `CONFIG_TYPE=GRPC_XDS_SOTW` alone.
 * @module
 */
import type { ReadVariable } from "./reference_environment.ts";

const texts: readonly (readonly [reference: string, own: string])[] = [
  ["CONFIG_GRPC_XDS_NODE_METADATA", "LIMITS_XDS_METADATA"],
  ["XDS_CLIENT_BACKOFF_INITIAL_INTERVAL", "LIMITS_XDS_RETRY"],
  ["XDS_CLIENT_BACKOFF_MAX_INTERVAL", "LIMITS_XDS_RETRY_MAX"],
  ["XDS_CLIENT_MAX_MSG_SIZE_IN_BYTES", "LIMITS_XDS_MAX_MESSAGE"],
];
const keys: typeof texts = [
  ["CONFIG_GRPC_XDS_CLIENT_TLS_CERT", "LIMITS_XDS_CERT"],
  ["CONFIG_GRPC_XDS_CLIENT_TLS_KEY", "LIMITS_XDS_KEY"],
  ["CONFIG_GRPC_XDS_SERVER_TLS_CACERT", "LIMITS_XDS_CA"],
  ["CONFIG_GRPC_XDS_SERVER_TLS_SAN", "LIMITS_XDS_SERVER_NAME"],
];
const HEADERS = "CONFIG_GRPC_XDS_CLIENT_ADDITIONAL_HEADERS";
const USE_TLS = "CONFIG_GRPC_XDS_SERVER_USE_TLS";

/** All variables that are read. */
export const referenceXdsVariables: readonly string[] = [
  ...[...texts, ...keys].map(([reference]) => reference),
  ...["CONFIG_TYPE", "CONFIG_GRPC_XDS_NODE_ID", "CONFIG_GRPC_XDS_SERVER_URL", HEADERS, USE_TLS],
];

/** Returns what the variables mean; undefined unless limits come over xDS. */
export function fromReferenceXds(
  read: ReadVariable,
): Readonly<Record<string, string>> | undefined {
  if (read("CONFIG_TYPE")?.toUpperCase() !== "GRPC_XDS_SOTW") return undefined;
  const own: Record<string, string> = {
    LIMITS_XDS: read("CONFIG_GRPC_XDS_SERVER_URL") || "localhost:18000",
    LIMITS_XDS_NODE: read("CONFIG_GRPC_XDS_NODE_ID") || "default",
    LIMITS_XDS_MODE: "sotw",
  };
  const headers = read(HEADERS);
  if (headers) own.LIMITS_XDS_HEADER = headers.split(",").map(headerPair).join(",");
  const isTls = /^(1|t|true)$/i.test(read(USE_TLS) ?? "");
  if (isTls) own.LIMITS_XDS_TLS = "true";
  for (const [reference, name] of isTls ? [...texts, ...keys] : texts) {
    const text = read(reference);
    if (text) own[name] = text;
  }
  return own;
}

/** They write `name:value`. */
function headerPair(text: string): string {
  return text.trim().replace(/^([^:=]+):/, "$1=");
}

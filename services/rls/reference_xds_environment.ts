// SPDX-License-Identifier: Apache-2.0
/**
 * The environment variables with which envoyproxy/ratelimit takes its limits over xDS, by the names
 * of our own. They count with `CONFIG_TYPE=GRPC_XDS_SOTW` alone.
 * @module
 */
import type { ReferenceReader } from "./reference_reader.ts";

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

/** Puts what the variables mean; returns false, and puts nothing, unless limits come over xDS. */
export function putReferenceXds(reader: ReferenceReader): boolean {
  if (reader.text("CONFIG_TYPE")?.toUpperCase() !== "GRPC_XDS_SOTW") return false;
  const [url, node] = ["CONFIG_GRPC_XDS_SERVER_URL", "CONFIG_GRPC_XDS_NODE_ID"];
  reader.put("LIMITS_XDS", reader.text(url) ?? "localhost:18000", [url]);
  reader.put("LIMITS_XDS_NODE", reader.text(node) ?? "default", [node]);
  reader.put("LIMITS_XDS_MODE", "sotw", ["CONFIG_TYPE"]);
  const headers = reader.text(HEADERS);
  if (headers !== undefined) {
    reader.put("LIMITS_XDS_HEADER", headers.split(",").map(headerPair).join(","), [HEADERS]);
  }
  const isTls = reader.flag(USE_TLS) === true;
  if (isTls) reader.put("LIMITS_XDS_TLS", "true", [USE_TLS]);
  for (const [reference, name] of isTls ? [...texts, ...keys] : texts) {
    const text = reader.text(reference);
    if (text !== undefined) reader.put(name, text, [reference]);
  }
  return true;
}

/** They write `name:value`. */
function headerPair(text: string): string {
  return text.trim().replace(/^([^:=]+):/, "$1=");
}

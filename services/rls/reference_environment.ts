// SPDX-License-Identifier: Apache-2.0
/**
 * The environment variables of envoyproxy/ratelimit as aliases of our own. Ours win.
 * @module
 */
import {
  goDuration,
  putReferenceExports,
  referenceExportVariables,
} from "./reference_export_environment.ts";
import {
  type ReadVariable,
  type ReferenceEnvironment,
  ReferenceReader,
} from "./reference_reader.ts";
import { putReferenceXds, referenceXdsVariables } from "./reference_xds_environment.ts";

/** What becomes of a variable's text. */
type Kind = "text" | "switch" | "words" | "duration";

const aliases: readonly (readonly [reference: string, own: string, kind: Kind])[] = [
  ["MERGE_DOMAIN_CONFIG", "MERGE_DOMAINS", "switch"],
  ["FORCE_START_WITHOUT_INITIAL_CONFIG", "ALLOW_INVALID", "switch"],
  ["SHADOW_MODE", "SHADOW_MODE", "switch"],
  ["QUOTA_MODE", "QUOTA_MODE", "switch"],
  ["NEAR_LIMIT_RATIO", "NEAR_LIMIT_RATIO", "text"],
  ["RESPONSE_DYNAMIC_METADATA", "DYNAMIC_METADATA", "switch"],
  ["LIMIT_LIMIT_HEADER", "LIMIT_HEADER", "text"],
  ["LIMIT_REMAINING_HEADER", "REMAINING_HEADER", "text"],
  ["LIMIT_RESET_HEADER", "RESET_HEADER", "text"],
  ["CACHE_KEY_PREFIX", "KEY_PREFIX", "text"],
  ["EXPIRATION_JITTER_MAX_SECONDS", "EXPIRATION_JITTER_SECONDS", "text"],
  ["REDIS_URL", "REDIS_URL", "text"],
  ["REDIS_TYPE", "REDIS_TYPE", "words"],
  ["REDIS_AUTH", "REDIS_AUTH", "text"],
  ["REDIS_TLS", "REDIS_TLS", "switch"],
  ["REDIS_TLS_CACERT", "REDIS_CA", "text"],
  ["REDIS_TLS_CLIENT_CERT", "REDIS_CERT", "text"],
  ["REDIS_TLS_CLIENT_KEY", "REDIS_KEY", "text"],
  ["REDIS_TLS_SKIP_HOSTNAME_VERIFICATION", "REDIS_SKIP_HOSTNAME", "switch"],
  ["REDIS_SENTINEL_AUTH", "REDIS_SENTINEL_AUTH", "text"],
  ["REDIS_HEALTH_CHECK_ACTIVE_CONNECTION", "READY_FOLLOWS_REDIS", "switch"],
  ["REDIS_TIMEOUT", "REDIS_CONNECT_TIMEOUT", "duration"],
  ["GRPC_MAX_CONNECTION_AGE", "GRPC_MAX_CONNECTION_AGE", "duration"],
  ["GRPC_MAX_CONNECTION_AGE_GRACE", "GRPC_CONNECTION_GRACE", "duration"],
  ["LOG_LEVEL", "LOG_LEVEL", "words"],
  ["LOG_FORMAT", "LOG_FORMAT", "words"],
];

const perSecondAliases: typeof aliases = [
  ["REDIS_PERSECOND_URL", "REDIS_PERSECOND_URL", "text"],
  ["REDIS_PERSECOND_TYPE", "REDIS_PERSECOND_TYPE", "words"],
  ["REDIS_PERSECOND_AUTH", "REDIS_PERSECOND_AUTH", "text"],
  ["REDIS_PERSECOND_SENTINEL_AUTH", "REDIS_PERSECOND_SENTINEL_AUTH", "text"],
];

const tlsAliases: typeof aliases = [
  ["GRPC_SERVER_TLS_CERT", "TLS_CERT", "text"],
  ["GRPC_SERVER_TLS_KEY", "TLS_KEY", "text"],
  ["GRPC_CLIENT_TLS_CACERT", "CLIENT_CA", "text"],
];

/** All variables that are read, for permissions and documentation. */
export const referenceVariables: readonly string[] = [
  ...[...aliases, ...perSecondAliases, ...tlsAliases].map(([reference]) => reference),
  ...["RUNTIME_ROOT", "RUNTIME_SUBDIRECTORY", "RUNTIME_APPDIRECTORY"],
  ...["HOST", "PORT", "GRPC_HOST", "GRPC_PORT", "GRPC_UDS", "GRPC_SERVER_USE_TLS"],
  ...["REDIS_PERSECOND", "LOCAL_CACHE_SIZE_IN_BYTES", "STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT"],
  ...["LIMIT_RESPONSE_HEADERS_ENABLED", "REDIS_PERSECOND_TLS"],
  ...referenceXdsVariables,
  ...referenceExportVariables,
];

/**
 * Returns an environment with what the variables of envoyproxy/ratelimit mean, where each came from, and
 * what is wrong with them; our own win.
 */
export function withReferenceEnvironment(
  env: Readonly<Record<string, string>>,
): ReferenceEnvironment {
  return withOwn(fromReferenceEnvironment((name) => env[name]), env);
}

/** Puts our own variables before those that `reference` has. */
export function withOwn(
  reference: ReferenceEnvironment,
  own: Readonly<Record<string, string>>,
): ReferenceEnvironment {
  const origins = Object.entries(reference.envOrigins).filter(([name]) =>
    !Object.hasOwn(own, name)
  );
  return {
    ...reference,
    env: { ...reference.env, ...own },
    envOrigins: Object.fromEntries(origins),
  };
}

/** Returns what the variables of envoyproxy/ratelimit mean, by the names of our own. */
export function fromReferenceEnvironment(read: ReadVariable): ReferenceEnvironment {
  const reader = new ReferenceReader(read);
  // Also those that mean nothing beside the others, so that a mistake shows.
  for (const name of switches) reader.flag(name);
  putAliases(reader, aliases);
  if (reader.flag("REDIS_PERSECOND")) {
    putAliases(reader, perSecondAliases);
    const isTls = reader.flag("REDIS_PERSECOND_TLS") ?? false;
    reader.put("REDIS_PERSECOND_TLS", isTls ? "on" : "off", ["REDIS_PERSECOND_TLS"]);
  }
  if (reader.flag("GRPC_SERVER_USE_TLS")) putAliases(reader, tlsAliases);
  const [headers, counting] = [
    "LIMIT_RESPONSE_HEADERS_ENABLED",
    "STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT",
  ];
  if (reader.flag(headers)) reader.put("RESPONSE_HEADERS", "separate", [headers]);
  if (reader.flag(counting)) reader.put("COUNTING", "over-only", [counting]);
  if (!putReferenceXds(reader)) putLimitsPath(reader);
  putAddresses(reader);
  putLocalCache(reader);
  putReferenceExports(reader);
  return reader.result();
}

/** Switches that are no alias of one of ours. */
const switches: readonly string[] = [
  ...["REDIS_PERSECOND", "REDIS_PERSECOND_TLS", "GRPC_SERVER_USE_TLS"],
  ...["LIMIT_RESPONSE_HEADERS_ENABLED", "STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT"],
  ...["CONFIG_GRPC_XDS_SERVER_USE_TLS", "TRACING_ENABLED"],
  ...["USE_PROMETHEUS", "USE_STATSD", "USE_DOG_STATSD", "DISABLE_STATS"],
];

function putAliases(reader: ReferenceReader, rows: typeof aliases): void {
  for (const [reference, own, kind] of rows) {
    const text = converted(reader, { name: reference, kind });
    if (text !== undefined) reader.put(own, text, [reference]);
  }
}

function converted(
  reader: ReferenceReader,
  { name, kind }: { readonly name: string; readonly kind: Kind },
): string | undefined {
  const text = reader.text(name);
  if (text === undefined) return undefined;
  switch (kind) {
    case "text":
      return text;
    case "words":
      return synonyms[text.toLowerCase()] ?? text.toLowerCase();
    case "duration":
      return goDuration(text);
    case "switch":
      return reader.flag(name)?.toString();
  }
}

/** Levels of the reference's logger that have another name here. */
const synonyms: Readonly<Record<string, string>> = {
  ...{ warning: "warn", trace: "debug", fatal: "error", panic: "error" },
};

function putLimitsPath(reader: ReferenceReader): void {
  const names = ["RUNTIME_ROOT", "RUNTIME_SUBDIRECTORY", "RUNTIME_APPDIRECTORY"];
  const [root, folder, app = "config"] = names.map((name) => reader.text(name));
  if (root === undefined && folder === undefined) return;
  const base = (root ?? "/srv/runtime_data/current").replace(/\/+$/, "");
  reader.put("LIMITS", [base, folder, app].filter(Boolean).join("/"), names);
}

/** What an entry of the reference's cache takes with a key of usual length. */
const BYTES_PER_COUNTER = 128;

function putLocalCache(reader: ReferenceReader): void {
  const name = "LOCAL_CACHE_SIZE_IN_BYTES";
  const text = reader.text(name);
  if (text === undefined) return;
  const isNumber = /^\d+$/.test(text);
  const counters = isNumber ? String(Math.ceil(Number(text) / BYTES_PER_COUNTER)) : text;
  reader.put("LOCAL_CACHE", counters, [name]);
}

/** They listen everywhere, which Denvoy refuses without TLS unless `--insecure` says so. */
function putAddresses(reader: ReferenceReader): void {
  const [host, port] = [reader.text("HOST"), reader.text("PORT")];
  if (host || port) {
    reader.put("HTTP_ADDRESS", `${host ?? "127.0.0.1"}:${port ?? "8080"}`, ["HOST", "PORT"]);
  }
  const [grpcHost, grpcPort] = [reader.text("GRPC_HOST"), reader.text("GRPC_PORT")];
  if (grpcHost || grpcPort) {
    const address = `${grpcHost ?? "127.0.0.1"}:${grpcPort ?? "8081"}`;
    reader.put("GRPC_ADDRESS", address, ["GRPC_HOST", "GRPC_PORT"]);
  }
  const socket = reader.text("GRPC_UDS");
  if (socket !== undefined) reader.put("GRPC_ADDRESS", `unix:${socket}`, ["GRPC_UDS"]);
}

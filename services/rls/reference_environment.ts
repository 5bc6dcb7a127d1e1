// SPDX-License-Identifier: Apache-2.0
/**
 * The environment variables of envoyproxy/ratelimit as aliases of our own. Ours win.
 * @module
 */
import { rlsSchema } from "./config.ts";
import {
  fromReferenceExports,
  goDuration,
  referenceExportVariables,
} from "./reference_export_environment.ts";
import { fromReferenceXds, referenceXdsVariables } from "./reference_xds_environment.ts";

/** Reads one variable; undefined when it is not set. */
export type ReadVariable = (name: string) => string | undefined;

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

/** Returns an environment with what the variables of envoyproxy/ratelimit mean; our own win. */
export function withReferenceEnvironment(
  env: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return { ...fromReferenceEnvironment((name) => env[name]), ...env };
}

/** Returns what the variables of envoyproxy/ratelimit mean, by the names of our own. */
export function fromReferenceEnvironment(read: ReadVariable): Readonly<Record<string, string>> {
  const own: Record<string, string> = {};
  const take = (rows: typeof aliases) => {
    for (const [reference, name, kind] of rows) {
      const text = read(reference);
      if (text !== undefined && text !== "") own[name] = converted(text, kind);
    }
  };
  take(aliases);
  if (isOn(read("REDIS_PERSECOND"))) {
    take(perSecondAliases);
    own.REDIS_PERSECOND_TLS = isOn(read("REDIS_PERSECOND_TLS")) ? "on" : "off";
  }
  if (isOn(read("GRPC_SERVER_USE_TLS"))) take(tlsAliases);
  if (isOn(read("LIMIT_RESPONSE_HEADERS_ENABLED"))) own.RESPONSE_HEADERS = "separate";
  if (isOn(read("STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT"))) own.COUNTING = "over-only";
  const xds = fromReferenceXds(read);
  Object.assign(own, xds ?? limitsPath(read), addresses(read), localCache(read));
  Object.assign(own, fromReferenceExports(read));
  const prefix = rlsSchema.envPrefix;
  return Object.fromEntries(Object.entries(own).map(([name, text]) => [prefix + name, text]));
}

function converted(text: string, kind: Kind): string {
  switch (kind) {
    case "text":
      return text;
    case "words":
      return synonyms[text.toLowerCase()] ?? text.toLowerCase();
    case "duration":
      return goDuration(text);
    case "switch":
      return isOn(text) ? "true" : isOff(text) ? "false" : text;
  }
}

/** Levels of the reference's logger that have another name here. */
const synonyms: Readonly<Record<string, string>> = {
  ...{ warning: "warn", trace: "debug", fatal: "error", panic: "error" },
};

function isOn(text: string | undefined): boolean {
  return /^(1|t|true)$/i.test(text ?? "");
}

function isOff(text: string): boolean {
  return /^(0|f|false)$/i.test(text);
}

function limitsPath(read: ReadVariable): Readonly<Record<string, string>> {
  const [root, folder] = [read("RUNTIME_ROOT"), read("RUNTIME_SUBDIRECTORY")];
  if (!root && !folder) return {};
  const parts = [root || "/srv/runtime_data/current", folder, read("RUNTIME_APPDIRECTORY")];
  const [base = "", sub = "", app = ""] = parts;
  return { LIMITS: [base.replace(/\/+$/, ""), sub, app || "config"].filter(Boolean).join("/") };
}

/** What an entry of the reference's cache takes with a key of usual length. */
const BYTES_PER_COUNTER = 128;

function localCache(read: ReadVariable): Readonly<Record<string, string>> {
  const text = read("LOCAL_CACHE_SIZE_IN_BYTES");
  if (!text) return {};
  const isNumber = /^\d+$/.test(text);
  return { LOCAL_CACHE: isNumber ? String(Math.ceil(Number(text) / BYTES_PER_COUNTER)) : text };
}

/** They listen everywhere, which Denvoy refuses without TLS unless `--insecure` says so. */
function addresses(read: ReadVariable): Readonly<Record<string, string>> {
  const own: Record<string, string> = {};
  const [host, port] = [read("HOST"), read("PORT")];
  if (host || port) own.HTTP_ADDRESS = `${host || "127.0.0.1"}:${port || "8080"}`;
  const [grpcHost, grpcPort, socket] = [read("GRPC_HOST"), read("GRPC_PORT"), read("GRPC_UDS")];
  if (grpcHost || grpcPort) own.GRPC_ADDRESS = `${grpcHost || "127.0.0.1"}:${grpcPort || "8081"}`;
  if (socket) own.GRPC_ADDRESS = `unix:${socket}`;
  return own;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The environment variables of envoyproxy/ratelimit that have no counterpart here: those that nobody
 * needs, and those whose wish cannot be met, which is said at the start instead of passed over.
 * @module
 */
import { hasErrors, type Logger, type Problem, ProblemError } from "@denvoy/base";
import { goBoolean, type ReadVariable } from "./reference_reader.ts";

/** Variables that are not needed, and why. */
export const needlessVariables: Readonly<Record<string, string>> = {
  REDIS_SOCKET_TYPE: "a REDIS_URL that begins with / is a socket, anything else an address",
  REDIS_PERSECOND_SOCKET_TYPE: "as REDIS_SOCKET_TYPE",
  REDIS_POOL_SIZE: "one connection carries all requests in batches",
  REDIS_PERSECOND_POOL_SIZE: "as REDIS_POOL_SIZE",
  REDIS_POOL_ON_EMPTY_BEHAVIOR: "there is no pool that could be empty",
  REDIS_PERSECOND_POOL_ON_EMPTY_BEHAVIOR: "as REDIS_POOL_ON_EMPTY_BEHAVIOR",
  REDIS_PIPELINE_WINDOW: "what arrives together travels together, without waiting",
  REDIS_PERSECOND_PIPELINE_WINDOW: "as REDIS_PIPELINE_WINDOW",
  REDIS_PIPELINE_LIMIT: "batches are bounded",
  REDIS_PERSECOND_PIPELINE_LIMIT: "as REDIS_PIPELINE_LIMIT",
  REDIS_CLUSTER_PIPELINE_PARALLELISM: "all nodes of a cluster are asked at once",
  REDIS_PERSECOND_TIMEOUT: "REDIS_TIMEOUT counts for both",
  REDIS_STARTUP_INITIAL_INTERVAL: "the service listens at once and connects meanwhile",
  REDIS_STARTUP_MAX_INTERVAL: "as REDIS_STARTUP_INITIAL_INTERVAL",
  REDIS_STARTUP_MAX_ELAPSED_TIME: "as REDIS_STARTUP_INITIAL_INTERVAL",
  HEALTHY_WITH_AT_LEAST_ONE_CONFIG_LOADED: "without limits the service is never healthy",
  MAX_SLEEPING_ROUTINES: "nobody waits for a limit to end: a request is answered at once",
  RUNTIME_IGNOREDOTFILES: "hidden files never count",
  RUNTIME_WATCH_ROOT: "folder, files and links that are swapped are all watched",
  PROMETHEUS_RESPONSE_TIME_AS_MILLISECONDS: "there is no response time under those names",
  CONFIG_GRPC_XDS_SERVER_CONNECT_RETRY_INTERVAL: "XDS_CLIENT_BACKOFF_INITIAL_INTERVAL counts",
  XDS_CLIENT_BACKOFF_RANDOM_FACTOR: "waits always vary",
  XDS_CLIENT_BACKOFF_JITTER: "waits always vary",
};

/** A wish that cannot be met. */
interface Unmet {
  readonly name: string;
  /** Tells whether a value asks for it. */
  readonly asks: (value: string) => boolean;
  readonly severity: Problem["severity"];
  readonly message: string;
}

const unmet: readonly Unmet[] = [
  {
    name: "BACKEND_TYPE",
    asks: (value) => !/^redis$/i.test(value),
    severity: "error",
    message:
      "must be redis: counters are kept in Redis or in this process, memcached is not spoken",
  },
  {
    name: "CONFIG_TYPE",
    asks: (value) => !/^(FILE|GRPC_XDS_SOTW)$/i.test(value),
    severity: "error",
    message: "must be FILE or GRPC_XDS_SOTW",
  },
  {
    name: "GRPC_CLIENT_TLS_SAN",
    asks: () => true,
    severity: "error",
    message:
      "cannot tell clients apart by name: every certificate from GRPC_CLIENT_TLS_CACERT is " +
      "accepted, so give it an authority that signs these clients only",
  },
  {
    name: "TRACING_ENABLED",
    asks: (value) => goBoolean(value) === true,
    severity: "warning",
    message: "has no effect: traces are not written; metrics tell times and failures",
  },
  {
    name: "USE_DOG_STATSD_MOGRIFIERS",
    asks: () => true,
    severity: "warning",
    message: "has no effect: names are sent as they are; /metrics has them with labels",
  },
  {
    name: "PROMETHEUS_MAPPER_YAML",
    asks: () => true,
    severity: "warning",
    message: "has no effect: labels are domain, key1 and key2; /metrics has all",
  },
];

const memcache: readonly string[] = [
  ...["MEMCACHE_HOST_PORT", "MEMCACHE_SRV", "MEMCACHE_SRV_REFRESH", "MEMCACHE_MAX_IDLE_CONNS"],
  ...["MEMCACHE_TLS", "MEMCACHE_TLS_CLIENT_CERT", "MEMCACHE_TLS_CLIENT_KEY"],
  ...["MEMCACHE_TLS_CACERT", "MEMCACHE_TLS_SKIP_HOSTNAME_VERIFICATION"],
];
const tracing: readonly string[] = [
  ...["TRACING_EXPORTER_PROTOCOL", "TRACING_SERVICE_NAME", "TRACING_SERVICE_NAMESPACE"],
  ...["TRACING_SERVICE_INSTANCE_ID", "TRACING_SAMPLING_RATE"],
];

/** All variables that have no counterpart; those that are told about are among them. */
export const unreadVariables: readonly string[] = [
  ...Object.keys(needlessVariables),
  ...unmet.map(({ name }) => name),
  ...memcache,
  ...tracing,
];

/** What is said about the variables that are set. */
export interface ReferenceNotes {
  /** Wishes that cannot be met: with an error the service must not start. */
  readonly problems: readonly Problem[];
  /** What is set and not needed, with why. */
  readonly needless: Readonly<Record<string, string>>;
}

/** Returns what is to be said. */
export function referenceNotes(read: ReadVariable): ReferenceNotes {
  const problems = unmet.flatMap(({ name, asks, severity, message }): readonly Problem[] => {
    const value = read(name);
    if (!value || !asks(value)) return [];
    return [{
      severity,
      path: name,
      message: `${message}: is ${JSON.stringify(value.slice(0, 60))}`,
    }];
  });
  const needless = Object.entries(needlessVariables).filter(([name]) => read(name));
  return { problems, needless: Object.fromEntries(needless) };
}

/**
 * Says what is to be said in the log.
 * @throws ProblemError when a variable asks for what there is not, so that the start is refused
 */
export function heedReferenceNotes(read: ReadVariable, logger: Logger): void {
  const { problems, needless } = referenceNotes(read);
  if (hasErrors(problems)) throw new ProblemError(problems);
  for (const { message, path } of problems) {
    logger.warn("variable of envoyproxy/ratelimit has no effect", { variable: path, why: message });
  }
  if (Object.keys(needless).length === 0) return;
  logger.info("variables of envoyproxy/ratelimit are not needed here", { variables: needless });
}

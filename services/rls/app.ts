// SPDX-License-Identifier: Apache-2.0
/**
 * The composition root of rls: where its parts are made, joined, and closed again.
 * @module
 */
import { VERSION } from "@denvoy/base";
import { type GrpcServer, serveGrpc } from "@denvoy/grpc";
import {
  grpcConnectionMetrics,
  grpcLimits,
  type RunningApp,
  type Runtime,
  type ServiceDefinition,
} from "@denvoy/runtime";
import { MemoryCounterStore } from "./adapters/memory_counter_store.ts";
import { NearCache } from "./adapters/near_cache.ts";
import { processFacts, readVariable } from "./adapters/process_environment.ts";
import { type RlsConfig, rlsSchema } from "./config.ts";
import { CounterAccess } from "./counter_access.ts";
import type { CounterStore } from "./domain/counter_store.ts";
import type { LimitSet } from "./domain/limit_set.ts";
import { Sightings } from "./domain/sightings.ts";
import { rateLimitMethods } from "./handlers/rate_limit_service.ts";
import type { ResponseSettings } from "./handlers/response_message.ts";
import { apiRoutes } from "./http/api_routes.ts";
import { openLimitSources } from "./limit_sources.ts";
import { LimitsInForce } from "./limits_in_force.ts";
import { RlsInstruments } from "./metrics.ts";
import { observeRls } from "./observed_metrics.ts";
import { openStore } from "./open_store.ts";
import { Quotas } from "./quotas.ts";
import { RateLimiter } from "./rate_limiter.ts";
import { referenceCounts } from "./reference_counts.ts";
import { heedReferenceNotes } from "./reference_notes.ts";
import { ReferencePorts } from "./reference_ports.ts";
import { StoreWatch, type StoreWatchParts } from "./store_watch.ts";
import { warmUp } from "./warm_up.ts";

/** The service, for `main.ts`. */
export const rls: ServiceDefinition<typeof rlsSchema.own> = {
  schema: rlsSchema,
  version: VERSION,
  missing: ({ limits, limitsXds }) =>
    limits === undefined && limitsXds.length === 0 ? "--limits" : undefined,
  start: startRls,
};

/**
 * Requests are small, a report on all quota buckets of an Envoy is the largest: what is larger is a
 * mistake or an attack.
 */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;

/** The service name under which envoyproxy/ratelimit tells its health. */
const REFERENCE_HEALTH = "ratelimit";

async function startRls(config: RlsConfig, runtime: Runtime): Promise<RunningApp> {
  heedReferenceNotes(readVariable, runtime.logger);
  await using opening = new AsyncDisposableStack();
  const { clock, readiness } = runtime;
  const { instruments, limits, memory, store, nearCache } = openCounting(opening, {
    config,
    runtime,
  });
  const quotas = opening.use(new Quotas(config, runtime));
  limits.subscribe((set) => quotas.take(set));
  opening.use(await openLimitSources(config, { runtime, limits }));

  const settings = limiterSettings(config);
  const sightings = new Sightings({ hotKeys: config.hotKeys });
  forgetWithLimits(limits, [sightings, instruments]);
  const inForce = () => limits.set;
  const parts = { limits: inForce, store, local: memory, clock, instruments, settings, sightings };
  const limiter = new RateLimiter(parts);
  const counters = new CounterAccess({
    limits: inForce,
    stores: store === memory ? [store] : [store, memory],
    clock,
    keyPrefix: settings.keyPrefix,
  });
  const responses = responseSettings(config);
  const warm = (target: CounterStore) =>
    warmUp({ store: target, local: memory, clock, settings, responses });
  await warm(new MemoryCounterStore({ maxCounters: 10 }));
  const grpc = await listen(config, { runtime, limiter, responses, quotas });
  opening.defer(() => grpc.drain(0));
  const readyFollows = config.readyFollowsRedis;
  const watched = store === memory ? { store } : { store, warmUp: () => warm(store) };
  opening.use(watchStore({ ...watched, readyFollows }, { runtime, grpc, limits }));
  const isReady = () => readiness.report().ready;
  const nowMs = () => clock.nowMs();
  const counts = () => referenceCounts({ instruments, store, nearCache, sightings, nowMs });
  const reference = { limits: inForce, counts, process: processFacts };
  const ports = opening.use(await ReferencePorts.open(config, { ...reference, runtime }));
  await runtime.serveHttp([
    ...apiRoutes({
      ...{ ...reference, limiter, isReady, instruments, responses, sightings, counters },
      ...{ nowMs, logger: runtime.logger },
    }),
    ...quotas.routes(),
  ]);

  const opened = opening.move();
  return {
    grpcAddress: grpc.address,
    addresses: ports.addresses,
    async stop(graceMs) {
      const drained = grpc.drain(graceMs);
      // After the GOAWAY of the drain, so that nobody comes back by the same connection.
      quotas.endStreams();
      await drained;
      await opened.disposeAsync();
    },
  };
}

/** What is remembered of limits that are gone is forgotten. */
function forgetWithLimits(
  limits: LimitsInForce,
  memories: readonly { retain(set: LimitSet): void }[],
): void {
  const retain = (set: LimitSet) => memories.forEach((memory) => memory.retain(set));
  if (limits.set !== undefined) retain(limits.set);
  limits.subscribe(retain);
}

/** Opens what counts, where it is counted, and room for limits. */
function openCounting(
  opening: AsyncDisposableStack,
  { config, runtime: { clock, metrics, readiness } }: {
    readonly config: RlsConfig;
    readonly runtime: Runtime;
  },
) {
  const instruments = new RlsInstruments(metrics);
  const limits = new LimitsInForce(readiness.component("limits"), instruments);
  const memory = opening.adopt(
    new MemoryCounterStore({ maxCounters: config.maxCounters }),
    (open) => open.close(),
  );
  const store = opening.adopt(openStore(config, { clock, memory }), (open) => open.close());
  const nearCache = store instanceof NearCache ? store : undefined;
  observeRls(metrics, {
    limits: () => limits.set,
    servers: () => store.servers(),
    nearCache,
    rules: () => limits.rules,
    problems: () => limits.problems,
    counters: () => memory.size,
    evicted: () => memory.evicted,
  });
  return { instruments, limits, memory, store, nearCache };
}

function limiterSettings(config: RlsConfig) {
  return {
    shadowMode: config.shadowMode,
    quotaMode: config.quotaMode,
    nearRatio: config.nearLimitRatio,
    atomic: config.counting,
    keyPrefix: config.keyPrefix ?? "",
    timeoutMs: config.storeTimeoutMs,
    onStoreFailure: config.onStoreFailure,
  };
}

function responseSettings(config: RlsConfig): ResponseSettings {
  return {
    headers: {
      style: config.responseHeaders,
      limit: config.limitHeader,
      remaining: config.remainingHeader,
      reset: config.resetHeader,
    },
    dynamicMetadata: config.dynamicMetadata,
  };
}

/** Opens the gRPC listener; its TLS keys follow their files. */
async function listen(
  config: RlsConfig,
  { runtime: { logger, tls, clock, metrics }, limiter, responses, quotas }: {
    readonly runtime: Runtime;
    readonly limiter: RateLimiter;
    readonly responses: ResponseSettings;
    readonly quotas: Quotas;
  },
): Promise<GrpcServer> {
  const server = await serveGrpc({
    transport: config.grpcServer,
    address: config.grpcAddress,
    methods: [
      ...rateLimitMethods({ limiter, responses, nowMs: () => clock.nowMs() }),
      ...quotas.methods(),
    ],
    ...(tls && { tls: tls.current }),
    limits: {
      ...grpcLimits(config),
      maxReceiveMessageBytes: Math.min(config.grpcMaxReceiveMessageBytes, MAX_REQUEST_BYTES),
    },
    logger,
    observer: grpcConnectionMetrics(metrics),
  });
  tls?.subscribe((material) => server.reloadTls(material));
  return server;
}

/** Health for grpc.health.v1: that of envoyproxy/ratelimit follows the store, the rest readiness. */
function watchStore(
  watched: Pick<StoreWatchParts, "store" | "warmUp" | "readyFollows">,
  { runtime: { readiness, clock }, grpc, limits }: {
    readonly runtime: Runtime;
    readonly grpc: GrpcServer;
    readonly limits: LimitsInForce;
  },
): StoreWatch {
  const health = readiness.component("store");
  const onServing = (serving: boolean) => {
    const { ready } = readiness.report();
    grpc.setServing(REFERENCE_HEALTH, serving && limits.set !== undefined);
    grpc.setServing("", ready);
    grpc.setServing("envoy.service.ratelimit.v3.RateLimitService", ready);
  };
  return new StoreWatch({ ...watched, health, clock, onServing });
}

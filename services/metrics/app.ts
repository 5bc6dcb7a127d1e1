// SPDX-License-Identifier: Apache-2.0
/**
 * The composition root of metrics: where its parts are made, joined, and closed again.
 * @module
 */
import { VERSION } from "@denvoy/base";
import { type GrpcServer, type MethodImplementation, serveGrpc } from "@denvoy/grpc";
import {
  grpcConnectionMetrics,
  grpcLimits,
  type RunningApp,
  type Runtime,
  type ServiceDefinition,
} from "@denvoy/runtime";
import { openAccessLogs } from "./access_logs.ts";
import { type MetricsConfig, metricsSchema } from "./config.ts";
import { openFleetMetrics } from "./fleet_metrics.ts";
import { openLoadReports } from "./load_reports.ts";

/** The service, for `main.ts` and for `denvoy serve`. */
export const metrics: ServiceDefinition<typeof metricsSchema.own> = {
  schema: metricsSchema,
  version: VERSION,
  start: startMetrics,
};

async function startMetrics(config: MetricsConfig, runtime: Runtime): Promise<RunningApp> {
  await using opening = new AsyncDisposableStack();
  const fleet = opening.use(await openFleetMetrics(config, runtime));
  const load = opening.use(openLoadReports(config, runtime));
  const logs = opening.use(openAccessLogs(config, runtime));
  const methods = [...fleet.methods, ...load.methods, ...logs.methods];
  const grpc = await listen(config, { runtime, methods });
  opening.defer(() => grpc.drain(0));
  await runtime.serveHttp([...fleet.routes, ...load.routes, ...logs.routes]);

  const opened = opening.move();
  return {
    grpcAddress: grpc.address,
    async stop(graceMs) {
      // Streams of Envoys never end by themselves, and lose nothing when they are cut.
      await grpc.drain(Math.min(graceMs, STREAM_GRACE_MS));
      await opened.disposeAsync();
    },
  };
}

/** For how long a drain lets what is on its way arrive. */
const STREAM_GRACE_MS = 100;

/** Opens the gRPC listener; its TLS keys follow their files. */
async function listen(
  config: MetricsConfig,
  { runtime: { logger, metrics, tls }, methods }: {
    readonly runtime: Runtime;
    readonly methods: readonly MethodImplementation[];
  },
): Promise<GrpcServer> {
  const server = await serveGrpc({
    transport: config.grpcServer,
    address: config.grpcAddress,
    methods,
    ...(tls && { tls: tls.current }),
    limits: grpcLimits(config),
    logger,
    observer: grpcConnectionMetrics(metrics),
  });
  tls?.subscribe((material) => server.reloadTls(material));
  return server;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The sides on which hds acts: the port for Envoys and the sinks for verdicts. Of replicas that share
 * a Redis only the leader has them open, so that Envoys find it wherever they are sent: a connection
 * to another is refused, and they try the next.
 * @module
 */
import { type GrpcServer, serveGrpc } from "@denvoy/grpc";
import {
  type ComponentHealth,
  type GrpcConnectionObserver,
  grpcLimits,
  type Runtime,
} from "@denvoy/runtime";
import type { HdsConfig } from "./config.ts";
import { healthDiscoveryMethods } from "./handlers/health_discovery.ts";
import type { HealthControl } from "./health_control.ts";
import type { HdsInstruments } from "./metrics.ts";
import { openSinks } from "./sinks.ts";

/** What the edges work with. */
export interface EdgeParts {
  /** The settings. */
  readonly config: HdsConfig;
  /** What the process gives. */
  readonly runtime: Runtime;
  /** What decides. */
  readonly control: HealthControl;
  /** Where reports and batches are counted. */
  readonly instruments: HdsInstruments;
  /** Returns who is told how a sink is; the same for the same sink. */
  readonly sinkHealth: (sink: string) => ComponentHealth;
  /** Counts connections. */
  readonly connections: GrpcConnectionObserver;
}

/** Open edges. */
export interface Edges {
  /** Where gRPC listens, with the real port. */
  readonly grpcAddress: string;
  /** Sends Envoys away, within `graceMs`, and tells sinks no more. */
  close(graceMs: number): Promise<void>;
}

/** Opens the sinks, then the port. @throws when an address or a file cannot be used */
export async function openEdges(parts: EdgeParts): Promise<Edges> {
  await using opening = new AsyncDisposableStack();
  opening.use(await openSinks(parts));
  const grpc = await listen(parts);
  const { tls } = parts.runtime;
  const unsubscribe = tls?.subscribe((material) => grpc.reloadTls(material));
  const opened = opening.move();
  return {
    grpcAddress: grpc.address,
    async close(graceMs) {
      unsubscribe?.();
      const drained = grpc.drain(graceMs);
      // After the GOAWAY of the drain, so that nobody comes back by the same connection.
      parts.control.fleet.endSessions();
      await drained;
      await opened.disposeAsync();
    },
  };
}

function listen(
  { config, runtime: { logger, tls }, control, instruments, connections }: EdgeParts,
): Promise<GrpcServer> {
  const same = instruments.reports.with({ content: "same" });
  const changed = instruments.reports.with({ content: "changed" });
  const reportedBytes = instruments.reportedBytes.with();
  return serveGrpc({
    transport: config.grpcServer,
    address: config.grpcAddress,
    methods: healthDiscoveryMethods({
      control,
      observer: {
        reported(report) {
          (report.same ? same : changed).add();
          reportedBytes.add(report.bytes);
        },
      },
    }),
    ...(tls && { tls: tls.current }),
    limits: grpcLimits(config),
    logger,
    observer: connections,
  });
}

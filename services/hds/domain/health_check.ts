// SPDX-License-Identifier: Apache-2.0
/**
 * Health checks as Envoys are sent them: complete, without what means something else to an Envoy
 * that only probes, and with what they ask of it.
 * @module
 */
import { messageCodec } from "@denvoy/proto";
import { CodecClientType, type Duration, type HealthCheck } from "@denvoy/proto/messages";
import type { Need } from "./checked_cluster.ts";

/** The check of clusters that have none of their own. */
export interface DefaultCheck {
  /** `none` leaves such clusters alone. */
  readonly kind: "none" | "tcp" | "http" | "grpc";
  /** Path of an HTTP check. */
  readonly path: string;
  /** Time from one probe to the next, in milliseconds. */
  readonly intervalMs: number;
  /** How long a probe may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Passed probes in a row that make it healthy. */
  readonly rise: number;
  /** Failed probes in a row that make it unhealthy. */
  readonly fall: number;
}

const codec = messageCodec("envoy.config.core.v3.HealthCheck");

/** Returns the check of clusters that have none; undefined when they are left alone. */
export function defaultHealthCheck(check: DefaultCheck): HealthCheck | undefined {
  if (check.kind === "none") return undefined;
  // Through the codec, so that it is as complete as one that was read.
  return codec.decode(codec.encode({
    interval: durationOf(check.intervalMs),
    timeout: durationOf(check.timeoutMs),
    healthyThreshold: { value: check.rise },
    unhealthyThreshold: { value: check.fall },
    ...(check.kind === "tcp" && { tcpHealthCheck: {} }),
    ...(check.kind === "http" && { httpHealthCheck: { path: check.path } }),
    ...(check.kind === "grpc" && { grpcHealthCheck: {} }),
  }));
}

/**
 * Returns the check as it is sent. A cluster of health discovery never has traffic, so that Envoy
 * takes `no_traffic_interval` (60 s unless set) for its interval always: both are made the same.
 * Logs of events are for Envoys with traffic, and their files for nobody here.
 */
export function sentHealthCheck(check: HealthCheck): HealthCheck {
  const {
    noTrafficHealthyInterval: _h,
    eventService: _s,
    ...rest
  } = check;
  return {
    ...rest,
    ...(check.interval && { noTrafficInterval: check.interval }),
    eventLogPath: "",
    eventLogger: [],
    alwaysLogHealthCheckFailures: false,
    alwaysLogHealthCheckSuccess: false,
  };
}

/**
 * Returns how long it may take until a probe has passed, in milliseconds: its random delay and its
 * timeout. The first probe fails where secrets have to come from SDS, as it does not wait for them;
 * after a failure as many must pass as `healthy_threshold` says.
 */
export function firstProbeMs(
  check: HealthCheck,
  { awaitsSecrets }: { readonly awaitsSecrets: boolean },
): number {
  const { initialJitter, timeout, interval, healthyThreshold } = check;
  const firstMs = millis(initialJitter) + millis(timeout);
  if (!awaitsSecrets) return firstMs;
  const jitterMs = millis(check.intervalJitter) +
    millis(interval) * check.intervalJitterPercent / 100;
  const nextMs = millis(interval) + jitterMs + millis(timeout);
  return firstMs + nextMs * Math.max(1, healthyThreshold?.value ?? 1);
}

/** Tells whether a check speaks HTTP/2. */
export function speaksHttp2({ grpcHealthCheck, httpHealthCheck }: HealthCheck): boolean {
  return grpcHealthCheck !== undefined ||
    httpHealthCheck?.codecClientType === CodecClientType.HTTP2;
}

/** Returns what an Envoy must be able to do for a check, besides having the extensions in it. */
export function needsOf(check: HealthCheck): readonly Need[] {
  if (check.tcpHealthCheck !== undefined) return ["TCP"];
  // Envoy says HTTP for all that it does over HTTP, gRPC and HTTP/2 included.
  return check.customHealthCheck === undefined ? ["HTTP"] : [];
}

/** Returns the need for an extension, by the type of its configuration: Envoy finds it by that. */
export function extensionNeed(typeName: string): Need {
  return `extension ${typeName}`;
}

/** Returns milliseconds as a message. */
export function durationOf(ms: number): Duration {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

/** Returns a duration in milliseconds; 0 when it is absent. */
export function millis(duration: Duration | undefined): number {
  return duration === undefined ? 0 : duration.seconds * 1000 + duration.nanos / 1e6;
}

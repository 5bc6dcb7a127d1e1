// SPDX-License-Identifier: Apache-2.0
/**
 * The bounds of the gRPC port as settings: what no peer can exceed. Named as the bounds themselves
 * (`ServerLimits` of libs/grpc), with `grpc` before.
 * @module
 */
import { duration, type Field, integer, size } from "./field.ts";

const YEAR_MS = 365 * 24 * 3_600_000;

/** One field for each bound. */
export type GrpcLimitFields = ReturnType<typeof grpcLimitFields>;

/** The bounds of a gRPC server, by the names that libs/grpc gives them. */
export type GrpcLimits = {
  readonly [
    K in keyof GrpcLimitFields as K extends `grpc${infer Name}` ? Uncapitalize<Name> : never
  ]: GrpcLimitFields[K] extends Field<infer T> ? T : never;
};

/** The settings that {@linkcode grpcLimits} reads. */
export type GrpcLimitConfig = {
  readonly [K in keyof GrpcLimitFields]: GrpcLimitFields[K] extends Field<infer T> ? T : never;
};

/** Returns the fields; their defaults are those of libs/grpc. */
// deno-lint-ignore explicit-module-boundary-types -- the type is that of the table
export function grpcLimitFields() {
  return { ...sizeFields(), ...timeFields(), ...floodFields() };
}

/** Returns the bounds that a configuration sets, for a gRPC server. */
export function grpcLimits(config: GrpcLimitConfig): GrpcLimits {
  const names = Object.keys(grpcLimitFields()) as (keyof GrpcLimitConfig)[];
  const entries = names.map((key) => [key.charAt(4).toLowerCase() + key.slice(5), config[key]]);
  return Object.fromEntries(entries) as GrpcLimits;
}

function sizeFields() {
  return {
    grpcMaxReceiveMessageBytes: size({
      default: "32MiB",
      minBytes: 1,
      doc: "Largest gRPC request message; a client that connects again names all that it has.",
    }),
    grpcMaxConcurrentStreams: integer({
      default: "100000",
      min: 1,
      doc: "gRPC calls at once on one connection; an Envoy without ADS has one for each cluster.",
    }),
    grpcMaxHeaderListBytes: size({
      default: "16KiB",
      minBytes: 1,
      doc: "Size of the headers of one gRPC request.",
    }),
    grpcMaxConnections: integer({ default: "100000", min: 1, doc: "gRPC connections at once." }),
    grpcStreamWindowBytes: size({
      default: "256KiB",
      minBytes: 1,
      doc: "Request bytes that may wait unread on one gRPC call before its sender is slowed.",
    }),
    grpcMaxBufferedBytes: size({
      default: "64MiB",
      minBytes: 1,
      doc: "Request bytes that may wait on one gRPC connection; more fail their call.",
    }),
  };
}

function timeFields() {
  return {
    grpcKeepaliveIntervalMs: duration({
      default: "60s",
      minMs: 1,
      doc: "Interval of the pings on a quiet gRPC connection.",
    }),
    grpcKeepaliveTimeoutMs: duration({
      default: "20s",
      minMs: 1,
      doc: "A ping without an answer for this long ends the connection.",
    }),
    grpcHandshakeTimeoutMs: duration({
      default: "20s",
      minMs: 1,
      doc: "Time for the TLS and HTTP/2 hello of a connection.",
    }),
    grpcMaxConnectionIdleMs: duration({
      default: "1h",
      minMs: 1,
      doc: "A gRPC connection without calls for this long is drained.",
    }),
    grpcMaxConnectionAgeMs: duration({
      default: "8760h",
      minMs: 1,
      maxMs: 10 * YEAR_MS,
      doc: "A gRPC connection of this age is drained, so that its peer connects anew.",
    }),
    grpcConnectionGraceMs: duration({
      default: "10m",
      minMs: 1,
      doc: "How long calls may go on once idleness or age drain a connection.",
    }),
    grpcWriteTimeoutMs: duration({
      default: "60s",
      minMs: 1,
      doc: "A peer that takes nothing of what is written for this long is cut off.",
    }),
  };
}

function floodFields() {
  return {
    grpcMaxContinuationFrames: integer({
      default: "8",
      min: 1,
      doc: "CONTINUATION frames of one header block; more end the connection.",
    }),
    grpcMaxResetsPerSecond: integer({
      default: "1000",
      min: 1,
      doc:
        "Streams that a peer may reset per second, on average over 10 s; more end the connection.",
    }),
    grpcMaxPingsPerSecond: integer({ default: "100", min: 1, doc: "Pings per second, likewise." }),
    grpcMaxSettingsPerSecond: integer({
      default: "10",
      min: 1,
      doc: "SETTINGS frames per second, likewise.",
    }),
    grpcMaxEmptyFramesPerSecond: integer({
      default: "1000",
      min: 1,
      doc: "Frames per second that carry nothing, likewise.",
    }),
  };
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What the gRPC bench does with each server.
 * @module
 */

/** One scenario: a server of its own, warmed up, then measured. */
export interface Scenario {
  /** Its part of the figures' names, e.g. `unary32`. */
  readonly name: string;
  /** What its rows in the table say. */
  readonly title: string;
  /** Kind of the calls. */
  readonly kind: "unary" | "bidi" | "push";
  /** Whether over TLS. */
  readonly tls: boolean;
  /** Connections at once. */
  readonly connections: number;
  /** Streams at once on each connection. */
  readonly inFlight: number;
  /** Whether the memory of the connections is measured instead of their calls. */
  readonly idle: boolean;
}

/** Bytes of a request message, which is also the answer of an echo. */
export const requestBytes = 16;

/** Bytes of a pushed message: what an assignment of a cluster with 200 endpoints takes. */
export const pushBytes = 26_000;

/** Messages that the server pushes on each stream before it ends it. */
export const pushCount = 20;

const inFlights = [1, 32, 256];

/** All scenarios. */
export const scenarios: readonly Scenario[] = [
  ...inFlights.map((inFlight) => unary(inFlight, false)),
  ...inFlights.map((inFlight) => unary(inFlight, true)),
  {
    name: "bidi32",
    title: "messages on 32 streams of each connection",
    kind: "bidi",
    tls: false,
    connections: 4,
    inFlight: 32,
    idle: false,
  },
  {
    name: "push1000",
    title: "26 KB messages on 1,000 connections",
    kind: "push",
    tls: false,
    connections: 1_000,
    inFlight: 1,
    idle: false,
  },
  idleConnections(false),
  idleConnections(true),
];

function unary(inFlight: number, tls: boolean): Scenario {
  return {
    name: `unary${inFlight}${tls ? "_tls" : ""}`,
    title: `unary echo, ${inFlight} in flight${tls ? ", TLS" : ""}`,
    kind: "unary",
    tls,
    connections: 4,
    inFlight,
    idle: false,
  };
}

function idleConnections(tls: boolean): Scenario {
  return {
    name: `idle1000${tls ? "_tls" : ""}`,
    title: `1,000 connections after a call each${tls ? ", TLS" : ""}`,
    kind: "unary",
    tls,
    connections: 1_000,
    inFlight: 1,
    idle: true,
  };
}

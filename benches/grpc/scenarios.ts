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
  /** Calls, or messages with their answers, on each connection. */
  readonly calls: number;
  /** Messages that the server pushes on each stream. */
  readonly push: number;
}

/** Bytes of a request message, which is also the answer of an echo. */
export const requestBytes = 16;

/** Bytes of a pushed message: what an assignment of a cluster with 200 endpoints takes. */
export const pushBytes = 26_000;

const echo = { connections: 4, push: 0 } as const;

/** All scenarios. */
export const scenarios: readonly Scenario[] = [
  ...unary("unary", "unary echo", false),
  ...unary("unary_tls", "unary echo, TLS", true),
  {
    ...echo,
    name: "bidi32",
    title: "messages on 32 streams each of 4 connections",
    kind: "bidi",
    tls: false,
    inFlight: 32,
    calls: 50_000,
  },
  {
    name: "push1000",
    title: "26 KB messages on 1,000 streams of 50 connections",
    kind: "push",
    tls: false,
    connections: 50,
    inFlight: 20,
    calls: 20,
    push: 20,
  },
  {
    name: "connections1000",
    title: "1,000 connections with a stream each",
    kind: "push",
    tls: false,
    connections: 1_000,
    inFlight: 1,
    calls: 1,
    push: 1,
  },
];

function unary(name: string, title: string, tls: boolean): Scenario[] {
  return [[1, 20_000], [32, 50_000], [256, 50_000]].map(([inFlight = 1, calls = 1]) => ({
    ...echo,
    name: `${name}${inFlight}`,
    title: `${title}, ${inFlight} in flight`,
    kind: "unary",
    tls,
    inFlight,
    calls,
  }));
}

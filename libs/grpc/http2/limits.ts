// SPDX-License-Identifier: Apache-2.0
/**
 * The bounds that the HTTP/2 layer keeps for one connection, all set.
 * @module
 */
import type { FloodRates } from "./flood_guard.ts";

/** Bounds of one connection. Sizes in octets, times in ms. */
export interface ConnectionLimits {
  /** Streams at once; more are refused. */
  readonly maxConcurrentStreams: number;
  /** Size of a request's header list as RFC 9113 section 10.5.1 counts it; more is answered 431. */
  readonly maxHeaderListBytes: number;
  /** CONTINUATION frames of one header block; more end the connection. */
  readonly maxContinuationFrames: number;
  /** What a stream may send before it is credited. */
  readonly streamWindowBytes: number;
  /** What all streams together may send before they are credited. */
  readonly connectionWindowBytes: number;
  /** Answers to control frames that wait for a peer that does not read; more end the connection. */
  readonly maxOutputBytes: number;
  /** How often a peer may do what costs it nothing. */
  readonly floodRates: FloodRates;
}

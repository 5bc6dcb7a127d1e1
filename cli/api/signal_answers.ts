// SPDX-License-Identifier: Apache-2.0
/**
 * What metrics' HTTP API answers, as far as commands read it.
 * @module
 */

/** Requests of the last minute. */
export interface SignalsAnswer {
  /** How many. */
  readonly requests: number;
  /** How many a second. */
  readonly requests_per_second: number;
  /** How many failed. */
  readonly failures: number;
  /** Share that went well; absent without requests. */
  readonly success_rate?: number;
  /** Half took at most this; absent without requests. */
  readonly p50_ms?: number;
  /** 90 % took at most this. */
  readonly p90_ms?: number;
  /** 99 % took at most this. */
  readonly p99_ms?: number;
}

/** A service of `GET /v1/services`. */
export interface ServiceAnswer extends SignalsAnswer {
  /** The upstream cluster. */
  readonly service: string;
}

/** An edge of `GET /v1/edges`. */
export interface EdgeAnswer extends SignalsAnswer {
  /** Who asks: `node.cluster`. */
  readonly source: string;
  /** Who is asked: the upstream cluster. */
  readonly destination: string;
}

/** A route of `GET /v1/routes`. */
export interface RouteAnswer extends EdgeAnswer {
  /** Its name. */
  readonly route: string;
}

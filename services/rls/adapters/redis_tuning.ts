// SPDX-License-Identifier: Apache-2.0
/**
 * How counting uses its Redis.
 * @module
 */
import type { CircuitBreakerOptions } from "../domain/circuit_breaker.ts";

/** How a store uses its Redis. */
export interface RedisStoreTuning {
  /** Up to so many seconds are added at random to the life of a fixed window. @default 300 */
  readonly expirationJitterSeconds?: number;
  /** Most batches under way to a server at a time; with more they are smaller. @default 1 */
  readonly depth?: number;
  /** Most charges in one batch. @default 1000 */
  readonly maxBatch?: number;
  /** Most requests that wait for a server; more are refused at once. @default 10000 */
  readonly maxWaiting?: number;
  /** When a server that fails is left alone. */
  readonly breaker?: CircuitBreakerOptions;
}

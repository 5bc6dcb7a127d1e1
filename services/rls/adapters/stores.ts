// SPDX-License-Identifier: Apache-2.0
/**
 * The counter stores and their settings, for the composition root and for tests against real parts.
 * @module
 */
export * from "../domain/counter_store.ts";
export * from "./memory_counter_store.ts";
export * from "./near_cache.ts";
export * from "./redis_counter_store.ts";
export * from "./redis_tuning.ts";

// SPDX-License-Identifier: Apache-2.0
/**
 * The stores that replicas share by themselves, for tests against a real Redis.
 * @module
 */
export { AesSealer } from "./aes_sealer.ts";
export { RedisAccessStore } from "./redis_access_store.ts";
export { RedisCaStore } from "./redis_ca_store.ts";
export { RedisIssued } from "./redis_issued.ts";
export { SharedTables } from "./shared_tables.ts";

// SPDX-License-Identifier: Apache-2.0
/**
 * Connections to Redis that heal themselves, the settings by which people name them, and state that
 * replicas share through them.
 * @module
 */
export * from "./ask_redis.ts";
export * from "./flat_fields.ts";
export * from "./key_list.ts";
export * from "./open_redis_link.ts";
export * from "./redis_command.ts";
export * from "./redis_config.ts";
export * from "./redis_link.ts";
export * from "./redis_settings.ts";
export * from "./shared_log.ts";

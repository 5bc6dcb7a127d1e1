// SPDX-License-Identifier: Apache-2.0
/**
 * Connections to Redis that heal themselves, and the settings by which people name them.
 * @module
 */
export * from "./open_redis_link.ts";
export * from "./redis_command.ts";
export * from "./redis_config.ts";
export * from "./redis_link.ts";
export * from "./redis_settings.ts";

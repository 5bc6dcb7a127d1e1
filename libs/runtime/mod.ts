// SPDX-License-Identifier: Apache-2.0
/**
 * What every service's main.ts needs: configuration, logs, own metrics, the HTTP API, signals and
 * exit codes, and the system's clock and files.
 * @module
 */
export * from "./config/address.ts";
export * from "./config/field.ts";
export * from "./config/help.ts";
export * from "./config/load.ts";
export * from "./config/schema.ts";
export * from "./config/shared_fields.ts";
export * from "./config/system_input.ts";
export * from "./config/units.ts";

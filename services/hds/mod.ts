// SPDX-License-Identifier: Apache-2.0
/**
 * The hds service as the command line runs it.
 * @module
 */
export { hds } from "./app.ts";
export { type HdsConfig, hdsSchema } from "./config.ts";

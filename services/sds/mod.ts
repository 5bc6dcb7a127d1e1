// SPDX-License-Identifier: Apache-2.0
/**
 * The sds service as the command line runs it.
 * @module
 */
export { sds } from "./app.ts";
export { type SdsConfig, sdsSchema } from "./config.ts";

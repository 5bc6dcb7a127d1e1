// SPDX-License-Identifier: Apache-2.0
/**
 * The ads service as the command line runs it, and what it reads files with.
 * @module
 */
export { ads } from "./app.ts";
export { type AdsConfig, adsSchema } from "./config.ts";

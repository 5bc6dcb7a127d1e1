// SPDX-License-Identifier: Apache-2.0
/**
 * The metrics service as programs run it.
 * @module
 */
export { metrics } from "./app.ts";
export { type MetricsConfig, metricsSchema } from "./config.ts";

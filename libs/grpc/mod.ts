// SPDX-License-Identifier: Apache-2.0
/**
 * gRPC as every service of Denvoy knows it.
 * @module
 */
export * from "./client.ts";
export * from "./limits.ts";
export * from "./port.ts";
export * from "./serve.ts";
export * from "./standard_methods.ts";

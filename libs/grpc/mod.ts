// SPDX-License-Identifier: Apache-2.0
/**
 * gRPC as every service of Denvoy knows it.
 * @module
 */
export * from "./port.ts";

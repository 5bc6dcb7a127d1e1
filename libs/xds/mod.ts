// SPDX-License-Identifier: Apache-2.0
/**
 * The xDS transport protocol, pure.
 * @module
 */
export * from "./resource.ts";

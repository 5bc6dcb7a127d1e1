// SPDX-License-Identifier: Apache-2.0
/**
 * Bootstraps of Envoys, for whoever starts one.
 * @module
 */
export * from "./create_bootstrap.ts";
export { type SdsFile, sdsFiles, type XdsTls } from "./transport_socket.ts";

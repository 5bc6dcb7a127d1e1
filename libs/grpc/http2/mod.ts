// SPDX-License-Identifier: Apache-2.0
/**
 * Our own HTTP/2 server behind the port of gRPC.
 * @module
 */
export { serveHttp2 } from "./serve.ts";

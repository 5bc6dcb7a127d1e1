// SPDX-License-Identifier: Apache-2.0
/**
 * What tests of gRPC need: the contract suite that every server adapter passes, a server and client
 * for one test, certificates, and a peer made of hand-written frames.
 * @module
 */
import type { ServerAdapter } from "./port.ts";
import { callContract } from "./testing/call_contract.ts";
import { standardContract } from "./testing/standard_contract.ts";

export * from "./testing/certificates.ts";
export * from "./testing/echo_service.ts";
export * from "./testing/harness.ts";
export * from "./testing/http2_request.ts";
export * from "./testing/raw_peer.ts";

/** Registers a test for every promise of port.ts, to be kept by `adapter`. */
export function contractSuite(adapterName: string, adapter: ServerAdapter): void {
  callContract(adapterName, adapter);
  standardContract(adapterName, adapter);
}

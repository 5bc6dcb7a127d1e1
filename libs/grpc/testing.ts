// SPDX-License-Identifier: Apache-2.0
/**
 * What tests of gRPC need: the contract suite that every server adapter passes, a server and client
 * for one test, certificates, and a peer made of hand-written frames.
 * @module
 */
import type { ServerAdapter } from "./port.ts";
import { callContract } from "./testing/call_contract.ts";
import type { Contract } from "./testing/contract.ts";
import { drainContract } from "./testing/drain_contract.ts";
import { errorContract } from "./testing/error_contract.ts";
import { flowContract } from "./testing/flow_contract.ts";
import { hostileContract } from "./testing/hostile_contract.ts";
import { standardContract } from "./testing/standard_contract.ts";
import { tlsContract } from "./testing/tls_contract.ts";

export { collect, echoMethods } from "./testing/call_contract.ts";
export * from "./testing/certificates.ts";
export * from "./testing/echo_service.ts";
export * from "./testing/harness.ts";
export * from "./testing/http2_request.ts";
export * from "./testing/raw_peer.ts";

const contract: Contract = {
  ...callContract,
  ...errorContract,
  ...flowContract,
  ...standardContract,
  ...tlsContract,
  ...drainContract,
  ...hostileContract,
};

/** Names of promises that an adapter cannot keep, each with the reason. */
export type KnownGaps = Readonly<Record<string, string>>;

/**
 * Registers a test for every promise of port.ts, to be kept by `adapter`.
 *
 * @throws Error when a gap names no promise.
 */
export function contractSuite(
  adapterName: string,
  adapter: ServerAdapter,
  gaps: KnownGaps = {},
): void {
  for (const gap of Object.keys(gaps)) {
    if (!(gap in contract)) throw new Error(`cannot skip promise as it must exist: is ${gap}`);
  }
  for (const [promise, proof] of Object.entries(contract)) {
    const reason = gaps[promise];
    const name = `${adapterName}: ${promise}${reason === undefined ? "" : ` (skipped: ${reason})`}`;
    Deno.test({ name, ignore: reason !== undefined, fn: (t) => proof(adapter, t) });
  }
}

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { ProblemError, StatusCode, StatusError } from "@denvoy/base";
import type { CallContext } from "@denvoy/grpc";
import type { MetricsConfig } from "./config.ts";
import { nodeAuthorization } from "./node_authorization.ts";
import { testNode } from "./testing.ts";

function configOf(nodeIdentity: string | undefined, clientCa?: string): MetricsConfig {
  return { nodeIdentity, clientCa } as MetricsConfig;
}

function calledBy(...uriSans: readonly string[]): CallContext {
  return { peer: { address: "", uriSans, dnsSans: [] } } as unknown as CallContext;
}

Deno.test("a node must show the certificate that speaks for it, where that is asked for", () => {
  const authorize = nodeAuthorization(configOf("spiffe://shop/{cluster}/{id}", "ca.pem"));
  authorize(testNode("a", "edge"), calledBy("spiffe://shop/edge/a"));
  const denied = (error: unknown) =>
    error instanceof StatusError && error.code === StatusCode.PERMISSION_DENIED;
  assert.throws(() => authorize(testNode("b", "edge"), calledBy("spiffe://shop/edge/a")), denied);
  assert.throws(() => authorize(testNode("a", "edge"), calledBy()), denied);
  nodeAuthorization(configOf(undefined))(testNode("any"), calledBy());
});

Deno.test("an identity that cannot be checked is refused at the start", () => {
  assert.throws(() => nodeAuthorization(configOf("spiffe://shop/{id}")), ProblemError);
  assert.throws(() => nodeAuthorization(configOf("spiffe://shop/{name}", "ca.pem")), ProblemError);
});

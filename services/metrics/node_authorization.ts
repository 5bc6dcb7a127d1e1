// SPDX-License-Identifier: Apache-2.0
/**
 * Who may report as which node.
 * @module
 */
import { NodeIdentityTemplate, ProblemError, StatusCode, StatusError } from "@denvoy/base";
import type { CallContext } from "@denvoy/grpc";
import type { MetricsConfig } from "./config.ts";
import type { NodeInfo } from "./domain/node_info.ts";

/** Throws PERMISSION_DENIED when a caller may not report as a node. */
export type Authorize = (node: NodeInfo, context: CallContext) => void;

/**
 * Returns the check that `--node-identity` asks for; without it any caller may be any node.
 * @throws ProblemError when the setting makes no sense
 */
export function nodeAuthorization({ nodeIdentity, clientCa }: MetricsConfig): Authorize {
  if (nodeIdentity === undefined) return () => {};
  const template = NodeIdentityTemplate.parse(nodeIdentity);
  if (!template.ok) throw usageError(template.error);
  if (clientCa === undefined) {
    throw usageError("needs --client-ca: without it no client shows a certificate");
  }
  return (node, { peer }) => {
    const refusal = template.value.refusal(node, peer.uriSans);
    if (refusal !== undefined) throw new StatusError(StatusCode.PERMISSION_DENIED, refusal);
  };
}

function usageError(message: string): ProblemError {
  return new ProblemError([{ severity: "error", path: "--node-identity", message }]);
}

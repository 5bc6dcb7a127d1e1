// SPDX-License-Identifier: Apache-2.0
/**
 * Asks before a node is counted whether it is ours: replicas that share totals each have other nodes.
 * @module
 */
import type { NodeInfo } from "../domain/node_info.ts";

/** Who may count which node. What it gives is in the fleet before it resolves; none rejects. */
export interface NodeClaims {
  /** A stream of the node was opened: it is ours from now on. */
  opened(info: NodeInfo): Promise<void>;
  /** A stream of a node that another has taken brings a message; resolves with whether it is ours again. */
  again(info: NodeInfo): Promise<boolean>;
  /** A stream of the node ended. */
  closed(info: NodeInfo): void;
}

/** The claims of a process that is alone: all nodes are its own. */
export const soleClaims: NodeClaims = {
  opened: () => Promise.resolve(),
  again: () => Promise.resolve(true),
  closed() {},
};

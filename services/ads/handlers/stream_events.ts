// SPDX-License-Identifier: Apache-2.0
/**
 * What follows from what nodes say: counts, log lines, and the course of rollouts.
 * @module
 */
import { byteLength, type Logger } from "@denvoy/base";
import type { HubStream, StreamObserver } from "@denvoy/xds";
import type { RolloutControl } from "../domain/rollout_control.ts";
import type { Rollouts } from "../domain/rollouts.ts";
import { type AdsInstruments, typeLabel } from "../metrics.ts";
import type { NodeSessions } from "./node_sessions.ts";

/** What is told. */
export interface StreamEventParts {
  /** Counts. */
  readonly instruments: AdsInstruments;
  /** Reads. */
  readonly logger: Logger;
  /** Who a stream belongs to. Asked when something happens: the hub is made before. */
  readonly sessions: () => NodeSessions;
  /** The rollouts, for which deliveries matter. */
  readonly rollouts: Rollouts;
  /** Who leads them. */
  readonly rolloutControl: RolloutControl;
}

/** Returns the observer of a hub. */
export function streamEvents(parts: StreamEventParts): StreamObserver {
  const { instruments, logger, sessions, rolloutControl } = parts;
  const isRollingOut = () => parts.rollouts.active().length > 0;
  return {
    onSent(stream, { typeUrl, bytes, resources }) {
      const type = typeLabel(typeUrl);
      instruments.pushes.add(1, { type });
      instruments.pushedBytes.add(byteLength(bytes), { type });
      if (isRollingOut()) {
        rolloutControl.delivered({ kind: "sent", node: nodeId(stream), resources });
      }
    },
    onAccepted(stream, { typeUrl, resources, changedAtMs }, nowMs) {
      const type = typeLabel(typeUrl);
      instruments.acks.add(1, { type });
      if (changedAtMs !== undefined) {
        instruments.pushTime.record((nowMs - changedAtMs) / 1000, { type });
      }
      if (isRollingOut()) {
        rolloutControl.delivered({ kind: "acked", node: nodeId(stream), resources });
      }
    },
    onRejected(stream, rejected) {
      const { typeUrl, nonce, resources, suspects, detail } = rejected;
      instruments.nacks.add(1, { type: typeLabel(typeUrl) });
      const node = nodeId(stream);
      logger.warn("node rejected a response", {
        node,
        address: sessions().of(stream)?.peer.address,
        typeUrl,
        nonce,
        resources: resources.map(({ name, version }) => `${name}@${version}`),
        suspects,
        detail: detail.message,
      });
      rolloutControl.delivered({ kind: "nacked", node, resources, why: detail.message });
    },
    onClosed(stream) {
      if (!isRollingOut()) return;
      const node = nodeId(stream);
      const isLast = ![...sessions().list()].some((other) =>
        other.stream !== stream && other.node.id === node
      );
      if (isLast) rolloutControl.disconnected(node);
    },
  };
}

function nodeId({ node }: HubStream): string {
  return node?.id ?? "";
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What follows from what nodes say: counts, log lines, and the course of rollouts.
 * @module
 */
import type { Logger } from "@denvoy/base";
import { discoveryObserver } from "@denvoy/discovery";
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
  const observer = discoveryObserver({
    instruments,
    logger,
    typeLabel,
    addressOf: (stream) => sessions().of(stream)?.peer.address,
  });
  return {
    onSent(stream, response) {
      observer.onSent(stream, response);
      if (!isRollingOut()) return;
      const { resources } = response;
      rolloutControl.delivered({ kind: "sent", node: nodeId(stream), resources });
    },
    onAccepted(stream, accepted, nowMs) {
      observer.onAccepted(stream, accepted, nowMs);
      if (!isRollingOut()) return;
      const { resources } = accepted;
      rolloutControl.delivered({ kind: "acked", node: nodeId(stream), resources });
    },
    onRejected(stream, rejected, nowMs) {
      observer.onRejected(stream, rejected, nowMs);
      const { resources, detail } = rejected;
      const node = nodeId(stream);
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

// SPDX-License-Identifier: Apache-2.0
/**
 * What follows from what nodes say: counts, log lines, and the course of rollouts.
 * @module
 */
import { byteLength, type Logger } from "@denvoy/base";
import type { ResourceKey, StreamObserver } from "@denvoy/xds";
import { type AdsInstruments, typeLabel } from "../metrics.ts";
import type { NodeSessions } from "./node_sessions.ts";

/** Told how far a node is with a version, e.g. to let a rollout go on. */
export interface DeliveryListener {
  /** The version is on its way to the node, or the node accepted it. */
  delivered(kind: "sent" | "acked", delivery: Delivery): void;
  /** The node rejected the version. */
  rejected(delivery: Delivery, why: string): void;
  /** The node has no stream any more. */
  disconnected(node: string): void;
}

/** A version of a resource at a node. */
export interface Delivery {
  /** Id of the node. */
  readonly node: string;
  /** The resource. */
  readonly key: ResourceKey;
  /** Its version. */
  readonly version: string;
}

/** What is told. */
export interface StreamEventParts {
  /** Counts. */
  readonly instruments: AdsInstruments;
  /** Reads. */
  readonly logger: Logger;
  /** Who a stream belongs to. Asked when something happens: the hub is made before. */
  readonly sessions: () => NodeSessions;
  /** Whether anybody wants deliveries; most of the time nobody does. */
  readonly deliveries: DeliveryListener & { readonly wanted: boolean };
}

/** Returns the observer of a hub. */
export function streamEvents(parts: StreamEventParts): StreamObserver {
  const { instruments, logger, sessions, deliveries } = parts;
  return {
    onSent(stream, response) {
      const type = typeLabel(response.typeUrl);
      instruments.pushes.add(1, { type });
      instruments.pushedBytes.add(byteLength(response.bytes), { type });
      if (!deliveries.wanted) return;
      const node = stream.node?.id ?? "";
      for (const resource of response.resources) {
        deliveries.delivered("sent", { node, key: resource, version: resource.version });
      }
    },
    onAccepted(stream, accepted, nowMs) {
      const type = typeLabel(accepted.typeUrl);
      instruments.acks.add(1, { type });
      if (accepted.changedAtMs !== undefined) {
        instruments.pushTime.record((nowMs - accepted.changedAtMs) / 1000, { type });
      }
      if (!deliveries.wanted) return;
      const node = stream.node?.id ?? "";
      for (const resource of accepted.resources) {
        deliveries.delivered("acked", { node, key: resource, version: resource.version });
      }
    },
    onRejected(stream, rejected) {
      instruments.nacks.add(1, { type: typeLabel(rejected.typeUrl) });
      const node = stream.node?.id ?? "";
      logger.warn("node rejected a response", {
        node,
        address: sessions().of(stream)?.peer.address,
        typeUrl: rejected.typeUrl,
        nonce: rejected.nonce,
        resources: rejected.resources.map(({ name, version }) => `${name}@${version}`),
        suspects: rejected.suspects,
        detail: rejected.detail.message,
      });
      for (const resource of rejected.resources) {
        const delivery = { node, key: resource, version: resource.version };
        deliveries.rejected(delivery, rejected.detail.message);
      }
    },
    onClosed(stream) {
      if (!deliveries.wanted) return;
      const node = stream.node?.id ?? "";
      const isLast = ![...sessions().list()].some((other) =>
        other.stream !== stream && other.node.id === node
      );
      if (isLast) deliveries.disconnected(node);
    },
  };
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What every service that serves xDS counts and logs of its streams.
 * @module
 */
import { byteLength, type Logger } from "@denvoy/base";
import {
  type Counter,
  type Histogram,
  LATENCY_BUCKETS_SECONDS,
  type Metrics,
} from "@denvoy/runtime";
import type { Hub, HubStream, StreamObserver, TypeUrl } from "@denvoy/xds";

/** The instruments that events of streams are counted in. */
export interface DiscoveryInstruments {
  /** Responses handed to a transport. */
  readonly pushes: Counter<"type">;
  /** Bytes of those. */
  readonly pushedBytes: Counter<"type">;
  /** Responses that a node accepted. */
  readonly acks: Counter<"type">;
  /** Responses that a node rejected. */
  readonly nacks: Counter<"type">;
  /** From a change to its ACK, for each node. */
  readonly pushTime: Histogram<"type">;
}

/** Makes the instruments. */
export function discoveryInstruments(metrics: Metrics): DiscoveryInstruments {
  return {
    pushes: metrics.counter("pushes_total", {
      help: "Responses handed to a transport.",
      labels: ["type"],
    }),
    pushedBytes: metrics.counter("pushed_bytes_total", {
      help: "Bytes of responses handed to a transport.",
      labels: ["type"],
    }),
    acks: metrics.counter("acks_total", {
      help: "Responses that a node accepted.",
      labels: ["type"],
    }),
    nacks: metrics.counter("nacks_total", {
      help: "Responses that a node rejected.",
      labels: ["type"],
    }),
    pushTime: metrics.histogram("push_time_seconds", {
      help: "Time from a change to its ACK by a node.",
      labels: ["type"],
      buckets: LATENCY_BUCKETS_SECONDS,
    }),
  };
}

/** Adds gauges whose values are read at each scrape. */
export function observeStreams(metrics: Metrics, hub: Hub): void {
  metrics.observeGauge("streams", { help: "Open streams.", labels: ["mode"] }, () => {
    const sotw = [...hub.streams].filter(({ state }) => state.mode === "sotw").length;
    return [
      { value: sotw, labels: { mode: "sotw" } },
      { value: hub.streams.size - sotw, labels: { mode: "delta" } },
    ];
  });
  metrics.observeGauge(
    "pending_resources",
    { help: "Names that streams have yet to look at or that wait for another type: the queue." },
    () => {
      let pending = 0;
      for (const { state } of hub.streams) {
        for (const type of state.types) pending += type.dirty.size;
      }
      return pending;
    },
  );
}

/** What {@linkcode discoveryObserver} tells. */
export interface DiscoveryObserverParts {
  /** Counts. */
  readonly instruments: DiscoveryInstruments;
  /** Reads of rejections. */
  readonly logger: Logger;
  /** The label of a type: one of few words. */
  readonly typeLabel: (typeUrl: TypeUrl) => string;
  /** Address of the other end of a stream, for the log. */
  readonly addressOf: (stream: HubStream) => string | undefined;
}

/** Returns an observer of a hub that counts, and logs rejections. */
export function discoveryObserver(
  { instruments, logger, typeLabel, addressOf }: DiscoveryObserverParts,
): Required<Pick<StreamObserver, "onSent" | "onAccepted" | "onRejected">> {
  return {
    onSent(_stream, { typeUrl, bytes }) {
      const type = typeLabel(typeUrl);
      instruments.pushes.add(1, { type });
      instruments.pushedBytes.add(byteLength(bytes), { type });
    },
    onAccepted(_stream, { typeUrl, changedAtMs }, nowMs) {
      const type = typeLabel(typeUrl);
      instruments.acks.add(1, { type });
      if (changedAtMs === undefined) return;
      instruments.pushTime.record((nowMs - changedAtMs) / 1000, { type });
    },
    onRejected(stream, { typeUrl, nonce, resources, suspects, detail }) {
      instruments.nacks.add(1, { type: typeLabel(typeUrl) });
      logger.warn("node rejected a response", {
        node: stream.node?.id ?? "",
        address: addressOf(stream),
        typeUrl,
        nonce,
        resources: resources.map(({ name, version }) => `${name}@${version}`),
        suspects,
        detail: detail.message,
      });
    },
  };
}

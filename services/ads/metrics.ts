// SPDX-License-Identifier: Apache-2.0
/**
 * What ads counts of itself. Every series and label is named here.
 * @module
 */
import {
  type Counter,
  type Histogram,
  LATENCY_BUCKETS_SECONDS,
  type Metrics,
} from "@denvoy/runtime";
import type { Hub, TypeUrl } from "@denvoy/xds";
import type { Catalog } from "./domain/catalog.ts";
import { resourceType, resourceTypes } from "./domain/resource_types.ts";
import type { NodeSessions } from "./handlers/node_sessions.ts";

/** The instruments that events are counted in. */
export interface AdsInstruments {
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
  /** Loads of files, by outcome. */
  readonly fileLoads: Counter<"outcome">;
}

/** Makes the instruments. */
export function adsInstruments(metrics: Metrics): AdsInstruments {
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
    fileLoads: metrics.counter("file_loads_total", {
      help: "Loads of the resources path, by outcome: applied or refused.",
      labels: ["outcome"],
    }),
  };
}

/** What gauges are read from. */
export interface GaugeSources {
  /** The streams. */
  readonly hub: Hub;
  /** The nodes. */
  readonly sessions: NodeSessions;
  /** The resources. */
  readonly catalog: Catalog;
  /** How the files are. */
  readonly files: { readonly problems: number };
}

/** Adds gauges whose values are read at each scrape. */
export function observeAds(metrics: Metrics, sources: GaugeSources): void {
  const { hub, sessions, catalog } = sources;
  metrics.observeGauge("connected_nodes", {
    help: "Nodes that have at least one open stream.",
  }, () => new Set([...sessions.list()].map(({ node }) => `${node.cluster}\n${node.id}`)).size);
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
  metrics.observeGauge("rejected_resources", {
    help: "Resources whose current version some node has rejected.",
  }, () => rejectedKeys(sources).size);
  metrics.observeGauge(
    "resources",
    { help: "Resources by type.", labels: ["type"] },
    () =>
      resourceTypes.map(({ typeUrl, plural }) => ({
        value: catalog.count(typeUrl),
        labels: { type: plural },
      })),
  );
  metrics.observeGauge("file_problems", {
    help:
      "Problems of the resources path as it is now; while there are any, the last good state is served.",
  }, () => sources.files.problems);
}

/** Returns the label of a type: its plural, or `other` for one that ads does not know. */
export function typeLabel(typeUrl: TypeUrl): string {
  return resourceType(typeUrl)?.plural ?? "other";
}

function rejectedKeys({ hub, sessions }: GaugeSources): ReadonlySet<string> {
  const views = new Set([...sessions.list()].map(({ view }) => view));
  const keys = new Set<string>();
  for (const view of views) {
    const verdicts = hub.verdicts(view);
    for (const key of verdicts.rejectedKeys()) {
      const current = view.get(key.typeUrl, key.name)?.version;
      const isRejected = verdicts.rejections(key).some(({ version }) => version === current);
      if (isRejected) keys.add(`${key.typeUrl} ${key.name}`);
    }
  }
  return keys;
}

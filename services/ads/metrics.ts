// SPDX-License-Identifier: Apache-2.0
/**
 * What ads counts of itself. Every series and label is named here.
 * @module
 */
import { type DiscoveryInstruments, discoveryInstruments, observeStreams } from "@denvoy/discovery";
import type { Counter, Metrics } from "@denvoy/runtime";
import type { Hub, TypeUrl } from "@denvoy/xds";
import type { Catalog } from "./domain/catalog.ts";
import { resourceType, resourceTypes } from "./domain/resource_types.ts";
import type { NodeSessions } from "./handlers/node_sessions.ts";

/** The instruments that events are counted in. */
export interface AdsInstruments extends DiscoveryInstruments {
  /** Loads of files, by outcome. */
  readonly fileLoads: Counter<"outcome">;
}

/** Makes the instruments. */
export function adsInstruments(metrics: Metrics): AdsInstruments {
  return {
    ...discoveryInstruments(metrics),
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
  observeStreams(metrics, hub);
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

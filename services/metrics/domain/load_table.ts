// SPDX-License-Identifier: Apache-2.0
/**
 * The load of each cluster, locality and endpoint as all Envoys together see it: the last report of
 * each, as rates. A report that is older than three of its intervals says nothing any more.
 * @module
 */
import type { ClusterLoad, LoadMetric, RequestLoad } from "./load_report.ts";

/** Requests per second, and how they went. */
export interface LoadRates {
  /** Requests sent per second. */
  readonly issuedPerSecond: number;
  /** Requests per second that ended well. */
  readonly succeededPerSecond: number;
  /** Requests per second that failed. */
  readonly failedPerSecond: number;
  /** Requests under way. */
  readonly inProgress: number;
  /** Means of what backends said of themselves. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Load of a cluster. */
export interface ClusterView extends LoadRates {
  /** Name in EDS. */
  readonly service: string;
  /** Names that Envoys have for it. */
  readonly clusters: readonly string[];
  /** Requests per second that were dropped. */
  readonly droppedPerSecond: number;
  /** Envoys that report it. */
  readonly nodes: readonly string[];
  /** Its localities. */
  readonly localities: readonly LocalityView[];
}

/** Load of a locality. */
export interface LocalityView extends LoadRates {
  /** `region/zone/sub_zone`. */
  readonly locality: string;
  /** Its priority. */
  readonly priority: number;
  /** Its endpoints. */
  readonly endpoints: readonly EndpointView[];
}

/** Load of an endpoint. */
export interface EndpointView extends LoadRates {
  /** `ip:port`. */
  readonly address: string;
}

interface NodeReport {
  readonly load: ClusterLoad;
  readonly untilMs: number;
}

/** Intervals for which a report counts. */
const INTERVALS = 3;

/** The last reports. */
export class LoadTable {
  readonly #maxEntries: number;
  readonly #nodes = new Map<string, Map<string, NodeReport>>();
  #entries = 0;
  #cut = 0;

  /** `maxEntries` bounds clusters, localities and endpoints of all reports together. */
  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  /** Parts of reports that were not kept. */
  get cut(): number {
    return this.#cut;
  }

  /** Takes the report of a node; clusters that it does not name stay as they were. */
  report(node: string, clusters: readonly ClusterLoad[], nowMs: number): void {
    const reports = this.#nodes.get(node) ?? new Map<string, NodeReport>();
    this.#nodes.set(node, reports);
    for (const load of clusters) {
      const before = reports.get(load.cluster);
      const size = sizeOf(load) - (before === undefined ? 0 : sizeOf(before.load));
      if (this.#entries + size > this.#maxEntries) {
        this.#cut++;
        continue;
      }
      this.#entries += size;
      reports.set(load.cluster, { load, untilMs: nowMs + INTERVALS * load.intervalMs });
    }
  }

  /** Forgets what is too old. */
  tick(nowMs: number): void {
    for (const [node, reports] of this.#nodes) {
      for (const [cluster, { load, untilMs }] of reports) {
        if (untilMs > nowMs) continue;
        reports.delete(cluster);
        this.#entries -= sizeOf(load);
      }
      if (reports.size === 0) this.#nodes.delete(node);
    }
  }

  /** Returns the load of all clusters, by their names. */
  clusters(nowMs: number): readonly ClusterView[] {
    const byService = new Map<string, [node: string, load: ClusterLoad][]>();
    for (const [node, reports] of this.#nodes) {
      for (const { load, untilMs } of reports.values()) {
        if (untilMs <= nowMs) continue;
        const list = byService.get(load.service);
        if (list === undefined) byService.set(load.service, [[node, load]]);
        else list.push([node, load]);
      }
    }
    return [...byService].sort(([a], [b]) => a < b ? -1 : 1)
      .map(([service, reports]) => clusterView(service, reports));
  }
}

function sizeOf({ localities }: ClusterLoad): number {
  return localities.reduce((sum, { endpoints }) => sum + 1 + endpoints.length, 1);
}

function clusterView(
  service: string,
  reports: readonly (readonly [node: string, load: ClusterLoad])[],
): ClusterView {
  const all = new RateSum();
  const localities = new Map<string, LocalitySum>();
  let droppedPerSecond = 0;
  for (const [, { intervalMs, dropped, localities: loads }] of reports) {
    droppedPerSecond += dropped * 1000 / intervalMs;
    for (const load of loads) {
      all.add(load, intervalMs);
      const key = `${load.priority} ${load.locality}`;
      const sum = localities.get(key) ?? new LocalitySum(load.locality, load.priority);
      localities.set(key, sum);
      sum.rates.add(load, intervalMs);
      for (const endpoint of load.endpoints) {
        sum.endpoint(endpoint.address).add(endpoint, intervalMs);
      }
    }
  }
  return {
    service,
    clusters: [...new Set(reports.map(([, { cluster }]) => cluster))].sort(),
    nodes: reports.map(([node]) => node).sort(),
    ...all.view(),
    droppedPerSecond,
    localities: [...localities.values()].map((sum) => sum.view()),
  };
}

class LocalitySum {
  readonly rates = new RateSum();
  readonly #locality: string;
  readonly #priority: number;
  readonly #endpoints = new Map<string, RateSum>();

  constructor(locality: string, priority: number) {
    this.#locality = locality;
    this.#priority = priority;
  }

  endpoint(address: string): RateSum {
    const found = this.#endpoints.get(address) ?? new RateSum();
    this.#endpoints.set(address, found);
    return found;
  }

  view(): LocalityView {
    const endpoints = [...this.#endpoints].sort(([a], [b]) => a < b ? -1 : 1)
      .map(([address, sum]) => ({ address, ...sum.view() }));
    return { locality: this.#locality, priority: this.#priority, ...this.rates.view(), endpoints };
  }
}

class RateSum {
  readonly #metrics = new Map<string, { sum: number; count: number }>();
  #issued = 0;
  #succeeded = 0;
  #failed = 0;
  #inProgress = 0;

  add({ issued, succeeded, failed, inProgress, metrics }: RequestLoad, intervalMs: number): void {
    const perSecond = 1000 / intervalMs;
    this.#issued += issued * perSecond;
    this.#succeeded += succeeded * perSecond;
    this.#failed += failed * perSecond;
    this.#inProgress += inProgress;
    for (const metric of metrics) this.#addMetric(metric);
  }

  view(): LoadRates {
    const metrics = [...this.#metrics].map(([name, { sum, count }]) => [name, sum / count]);
    return {
      issuedPerSecond: this.#issued,
      succeededPerSecond: this.#succeeded,
      failedPerSecond: this.#failed,
      inProgress: this.#inProgress,
      metrics: Object.fromEntries(metrics),
    };
  }

  #addMetric({ name, sum, count }: LoadMetric): void {
    if (count <= 0) return;
    const known = this.#metrics.get(name) ?? { sum: 0, count: 0 };
    this.#metrics.set(name, { sum: known.sum + sum, count: known.count + count });
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What is checked, put together from its sources. Where several have a cluster of one name, the API
 * counts before files, and files before ads.
 * @module
 */
import { type CheckedCluster, type ClusterSource, withResolvedNames } from "./checked_cluster.ts";

const PRECEDENCE: readonly ClusterSource[] = ["ads", "files", "api"];

/** Clusters of all sources. */
export class ClusterPool {
  readonly #sources = new Map<ClusterSource, ReadonlyMap<string, CheckedCluster>>();
  readonly #awaited: Set<ClusterSource>;
  #names: ReadonlyMap<string, string> = new Map();
  #clusters: ReadonlyMap<string, CheckedCluster> = new Map();
  #byService: ReadonlyMap<string, readonly CheckedCluster[]> = new Map();

  /** `awaited` are the sources that must have spoken before anything is known to be complete. */
  constructor(awaited: readonly ClusterSource[]) {
    this.#awaited = new Set(awaited);
  }

  /** Whether all sources have spoken: until then a cluster that is not here may be there. */
  get isComplete(): boolean {
    return this.#awaited.size === 0;
  }

  /** All clusters by name. */
  get clusters(): ReadonlyMap<string, CheckedCluster> {
    return this.#clusters;
  }

  /** Takes over all that a source says; tells whether anything differs from before. */
  set(source: ClusterSource, clusters: ReadonlyMap<string, CheckedCluster>): boolean {
    const before = this.#sources.get(source);
    const isFirst = this.#awaited.delete(source);
    if (!isFirst && before !== undefined && isSame(clusters, before)) return false;
    this.#sources.set(source, clusters);
    this.#join();
    return true;
  }

  /** Returns the clusters of one source. */
  of(source: ClusterSource): ReadonlyMap<string, CheckedCluster> {
    return this.#sources.get(source) ?? new Map();
  }

  /** Returns the clusters whose endpoints come from one load assignment. */
  clustersOf(service: string): readonly CheckedCluster[] {
    return this.#byService.get(service) ?? [];
  }

  /** Takes over what host names stand for. */
  setNames(names: ReadonlyMap<string, string>): void {
    this.#names = names;
    this.#join();
  }

  /** Returns the IP address that a host name stands for at present; undefined for what is no name. */
  resolvedIp(host: string): string | undefined {
    return this.#names.get(host);
  }

  /** Returns the host names in use. */
  hostNames(): ReadonlySet<string> {
    const hosts = new Set<string>();
    for (const clusters of this.#sources.values()) {
      for (const { endpoints } of clusters.values()) {
        for (const { ip, host } of endpoints) if (ip === undefined) hosts.add(host);
      }
    }
    return hosts;
  }

  #join(): void {
    const joined = new Map<string, CheckedCluster>();
    for (const source of PRECEDENCE) {
      for (const [name, cluster] of this.of(source)) {
        joined.set(name, withResolvedNames(cluster, this.#names));
      }
    }
    this.#clusters = joined;
    this.#byService = Map.groupBy(joined.values(), ({ service }) => service);
  }
}

/**
 * Endpoints carry their health in EDS, so that what verdicts do comes back as a change of clusters in
 * which nothing differs that is checked.
 */
function isSame(
  a: ReadonlyMap<string, CheckedCluster>,
  b: ReadonlyMap<string, CheckedCluster>,
): boolean {
  if (a.size !== b.size) return false;
  for (const [name, cluster] of a) {
    const other = b.get(name);
    if (other === undefined) return false;
    if (other !== cluster && textOf(other) !== textOf(cluster)) return false;
  }
  return true;
}

function textOf(cluster: CheckedCluster): string {
  return JSON.stringify({ ...cluster, needs: [...cluster.needs] });
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Clusters that the API was given: kept as text, so that they are read again after a restart as they
 * were written.
 * @module
 */
import { hasErrors, type Problem, ProblemError } from "@denvoy/base";
import type { CheckedCluster } from "./domain/checked_cluster.ts";
import { readClusterText } from "./domain/cluster_document.ts";
import type { ClusterReadOptions } from "./domain/cluster_reader.ts";
import type { HealthStore } from "./domain/store.ts";

/** What the clusters of the API work with. */
export interface ApiClustersOptions {
  /** Where they last. */
  readonly store: Pick<HealthStore, "clusters" | "setCluster">;
  /** How they are read. */
  readonly read: ClusterReadOptions;
  /** Takes all of them, whenever one changes. */
  readonly onClusters: (clusters: ReadonlyMap<string, CheckedCluster>) => void;
}

/** The clusters of the API. */
export class ApiClusters {
  readonly #options: ApiClustersOptions;
  readonly #clusters = new Map<string, CheckedCluster>();
  readonly #texts: Map<string, string>;

  /** Takes over those from before a restart; what can be read no more is left out. */
  constructor(options: ApiClustersOptions) {
    this.#options = options;
    this.#texts = new Map(options.store.clusters());
    for (const [name, text] of this.#texts) this.#read(name, text);
    options.onClusters(new Map(this.#clusters));
  }

  /** Takes over what other replicas were given. */
  reload(): void {
    const texts = this.#options.store.clusters();
    const isSame = texts.size === this.#texts.size &&
      [...texts].every(([name, text]) => this.#texts.get(name) === text);
    if (isSame) return;
    for (const name of this.#texts.keys()) {
      if (texts.has(name)) continue;
      this.#texts.delete(name);
      this.#clusters.delete(name);
    }
    for (const [name, text] of texts) {
      if (this.#texts.get(name) === text) continue;
      this.#texts.set(name, text);
      this.#read(name, text);
    }
    this.#options.onClusters(new Map(this.#clusters));
  }

  /** Returns a cluster as it was written. */
  text(name: string): string | undefined {
    return this.#texts.get(name);
  }

  /**
   * Checks a cluster from now on, in place of one of the same name.
   * @returns what is doubtful about it
   * @throws ProblemError with all that is wrong with it
   */
  put(name: string, text: string): readonly Problem[] {
    const { read, store } = this.#options;
    const { clusters, problems } = readClusterText(text, { ...read, format: "yaml" });
    const cluster = clusters.get(name);
    const [other] = clusters.keys();
    const all = cluster === undefined && other !== undefined
      ? [...problems, misnamed(name, other)]
      : problems;
    if (hasErrors(all)) throw new ProblemError(all);
    if (cluster === undefined) throw new ProblemError([unchecked(name)]);
    store.setCluster(name, text);
    this.#texts.set(name, text);
    this.#clusters.set(name, cluster);
    this.#options.onClusters(new Map(this.#clusters));
    return all;
  }

  /** Checks a cluster no more; tells whether there was one. */
  remove(name: string): boolean {
    if (!this.#texts.has(name)) return false;
    this.#options.store.setCluster(name, undefined);
    this.#texts.delete(name);
    this.#clusters.delete(name);
    this.#options.onClusters(new Map(this.#clusters));
    return true;
  }

  #read(name: string, text: string): void {
    const { read } = this.#options;
    const cluster = readClusterText(text, { ...read, format: "yaml" }).clusters.get(name);
    if (cluster === undefined) this.#clusters.delete(name);
    else this.#clusters.set(name, cluster);
  }
}

function misnamed(name: string, other: string): Problem {
  const message = `must be "${name}", as the address says: current value is "${other}"`;
  return { severity: "error", path: "name", message };
}

function unchecked(name: string): Problem {
  const message = `cluster "${name}" needs health_checks, as there is no --default-check`;
  return { severity: "error", path: "health_checks", message };
}

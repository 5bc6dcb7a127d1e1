// SPDX-License-Identifier: Apache-2.0
/**
 * The endpoints of one cluster, and how many of them serve.
 * @module
 */
import { type CheckedCluster, type CheckedEndpoint, reportedClusters } from "./checked_cluster.ts";
import { clusterKey, endpointKey } from "./description.ts";
import { EndpointRecord } from "./endpoint_record.ts";
import { isServing } from "./health.ts";
import { millis } from "./health_check.ts";
import { socketAddress } from "./ip_address.ts";

/** What an update of a cluster changed. */
export interface ClusterUpdate {
  /** Endpoints that are new. */
  readonly added: readonly EndpointRecord[];
  /** Endpoints that are gone. */
  readonly removed: readonly EndpointRecord[];
  /** Endpoints that stay, but Envoys are told of otherwise. */
  readonly renewed: readonly EndpointRecord[];
}

/** One cluster. */
export class ClusterRecord {
  /** Its name. */
  readonly name: string;
  readonly #byAddress = new Map<string, EndpointRecord>();
  #byProbed = new Map<string, EndpointRecord>();
  #serving = 0;
  #reportedNames: readonly string[] = [];
  #intervalMs = 0;

  /** It has no endpoints yet. */
  constructor(name: string) {
    this.name = name;
  }

  /** How many endpoints it has. */
  get size(): number {
    return this.#byAddress.size;
  }

  /** How many of them are in load balancing. */
  get serving(): number {
    return this.#serving;
  }

  /** The longest time between two probes, in milliseconds. */
  get intervalMs(): number {
    return this.#intervalMs;
  }

  /** The names under which Envoys report it, see {@linkcode reportedClusters}. */
  get reportedNames(): readonly string[] {
    return this.#reportedNames;
  }

  /** Its endpoints. */
  endpoints(): Iterable<EndpointRecord> {
    return this.#byAddress.values();
  }

  /** Returns the endpoint of an address. */
  get(address: string): EndpointRecord | undefined {
    return this.#byAddress.get(address);
  }

  /** Returns the endpoint that Envoys report by this `ip:port`. */
  probed(address: string): EndpointRecord | undefined {
    return this.#byProbed.get(address);
  }

  /** Takes over the endpoints; those that stay keep what is known of them. */
  update(cluster: CheckedCluster, nowMs: number): ClusterUpdate {
    const { endpoints, firstProbeMs, service, checks } = cluster;
    this.#reportedNames = reportedClusters(cluster).map(({ name }) => name);
    this.#intervalMs = Math.max(0, ...checks.map(({ interval }) => millis(interval)));
    const wanted = new Set(endpoints.map(({ address }) => address));
    const removed = [...this.#byAddress.values()].filter(({ address }) => !wanted.has(address));
    for (const record of removed) this.#remove(record);
    const added: EndpointRecord[] = [];
    const renewed: EndpointRecord[] = [];
    const ofCluster = clusterKey(cluster);
    this.#byProbed = new Map();
    for (const endpoint of endpoints) {
      let record = this.#byAddress.get(endpoint.address);
      if (record === undefined) {
        record = new EndpointRecord(cluster, endpoint, nowMs);
        this.#byAddress.set(endpoint.address, record);
        this.#serving++;
        added.push(record);
      }
      const description = `${ofCluster}\n${endpointKey(endpoint)}`;
      if (record.description !== "" && record.description !== description) renewed.push(record);
      record.description = description;
      record.firstProbeMs = firstProbeMs;
      record.service = service;
      this.#index(endpoint, record);
    }
    return { added, removed, renewed };
  }

  /** Keeps count while `change` changes the health of one of its endpoints. */
  count(record: EndpointRecord, change: () => void): void {
    const before = Number(isServing(record.health));
    change();
    this.#serving += Number(isServing(record.health)) - before;
  }

  /** Two names may stand for one address: Envoy knows one host then. */
  #index({ ip, port }: CheckedEndpoint, record: EndpointRecord): void {
    if (ip === undefined) return;
    const probed = socketAddress(ip, port);
    if (!this.#byProbed.has(probed)) this.#byProbed.set(probed, record);
  }

  #remove(record: EndpointRecord): void {
    this.#byAddress.delete(record.address);
    if (isServing(record.health)) this.#serving--;
  }
}

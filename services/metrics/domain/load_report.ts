// SPDX-License-Identifier: Apache-2.0
/**
 * What one Envoy says in one load report, in the words of envoy.config.endpoint.v3.ClusterStats.
 * @module
 */

/** Requests of an interval. */
export interface RequestLoad {
  /** Requests that were sent in the interval. */
  readonly issued: number;
  /** Requests that ended well in the interval. */
  readonly succeeded: number;
  /** Requests that failed in the interval. */
  readonly failed: number;
  /** Requests that were under way at its end. */
  readonly inProgress: number;
  /** What backends said of themselves by ORCA, by name: sum and number of values. */
  readonly metrics: readonly LoadMetric[];
}

/** One ORCA metric; its mean is `sum / count`. */
export interface LoadMetric {
  /** Name, e.g. `cpu_utilization`. */
  readonly name: string;
  /** Sum of the values. */
  readonly sum: number;
  /** How many values there were. */
  readonly count: number;
}

/** Load of one endpoint. */
export interface EndpointLoad extends RequestLoad {
  /** `ip:port`, or the path of a pipe. */
  readonly address: string;
}

/** Load of one locality. */
export interface LocalityLoad extends RequestLoad {
  /** `region/zone/sub_zone`; empty parts stay empty. */
  readonly locality: string;
  /** Its priority. */
  readonly priority: number;
  /** Its endpoints, where they are asked for. */
  readonly endpoints: readonly EndpointLoad[];
}

/** Load of one cluster. */
export interface ClusterLoad {
  /** Name of the cluster in Envoy. */
  readonly cluster: string;
  /** `cluster_service_name`: its name in EDS; the name of the cluster where it has none. */
  readonly service: string;
  /** What the report covers, in milliseconds. */
  readonly intervalMs: number;
  /** Requests that were dropped. */
  readonly dropped: number;
  /** Its localities; an idle cluster has none. */
  readonly localities: readonly LocalityLoad[];
}

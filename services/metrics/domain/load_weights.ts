// SPDX-License-Identifier: Apache-2.0
/**
 * Weights of endpoints by what they can do: requests per second at the load that a backend says it
 * has (ORCA), as in client-side weighted round robin (gRFC A58). An endpoint that says nothing, or
 * serves nothing, gets the mean of the others.
 * @module
 */
import type { ClusterView, EndpointView } from "./load_table.ts";

/** A weight to offer. */
export interface EndpointWeight {
  /** The cluster's name in EDS. */
  readonly service: string;
  /** `ip:port`. */
  readonly address: string;
  /** 1 or more. */
  readonly weight: number;
}

/** The weight of the mean endpoint, so that differences of 1 % can be said. */
const MEAN_WEIGHT = 100;
/** No endpoint is trusted with more, or less, than so many times the mean. */
const MAX_RATIO = 5;
/** Utilisation in order of preference (gRFC A51). */
const UTILIZATIONS = ["application_utilization", "cpu_utilization"];

/** Returns the weights of a cluster's endpoints; none unless at least two say how busy they are. */
export function weightsOf({ service, localities }: ClusterView): readonly EndpointWeight[] {
  const endpoints = localities.flatMap((locality) => locality.endpoints);
  const capacities = endpoints.map(capacityOf);
  const known = capacities.filter((capacity) => capacity !== undefined);
  if (known.length < 2) return [];
  const mean = known.reduce((sum, capacity) => sum + capacity, 0) / known.length;
  return endpoints.map(({ address }, index) => {
    const ratio = Math.min(MAX_RATIO, Math.max(1 / MAX_RATIO, (capacities[index] ?? mean) / mean));
    return { service, address, weight: Math.max(1, Math.round(MEAN_WEIGHT * ratio)) };
  });
}

/** Requests that end well per second at full use; failures count as use without result. */
function capacityOf({ succeededPerSecond, metrics }: EndpointView): number | undefined {
  const name = UTILIZATIONS.find((one) => (metrics[one] ?? 0) > 0);
  const utilization = name === undefined ? undefined : metrics[name];
  if (utilization === undefined || succeededPerSecond <= 0) return undefined;
  return succeededPerSecond / utilization;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What all routes of the API work with.
 * @module
 */
import type { ApiClusters } from "../api_clusters.ts";
import type { HealthControl } from "../health_control.ts";

/** What the API is made of. */
export interface ApiParts {
  /** What decides. */
  readonly control: HealthControl;
  /** Clusters that the API was given. */
  readonly apiClusters: ApiClusters;
}

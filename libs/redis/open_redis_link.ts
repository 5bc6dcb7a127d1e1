// SPDX-License-Identifier: Apache-2.0
/**
 * Opens the connection that settings of Redis ask for.
 * @module
 */
import { ClusterRedisLink } from "./redis_cluster_link.ts";
import type { RedisLink } from "./redis_link.ts";
import type { RedisSettings } from "./redis_settings.ts";
import { SingleRedisLink } from "./redis_single_link.ts";

/** Returns a connection, which begins to connect. */
export function openRedisLink(settings: RedisSettings): RedisLink {
  return settings.topology.kind === "cluster"
    ? new ClusterRedisLink(settings)
    : new SingleRedisLink(settings);
}

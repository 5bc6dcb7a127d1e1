// SPDX-License-Identifier: Apache-2.0
/**
 * When a finding does not become a verdict at once: too few endpoints would be left, or the endpoint
 * comes and goes too often.
 * @module
 */
import type { ClusterRecord } from "./cluster_record.ts";
import type { EndpointRecord } from "./endpoint_record.ts";
import type { VerdictSettings } from "./verdict_settings.ts";

/** Tells whether one more endpoint of the cluster may leave load balancing. */
export function mayEvict(
  cluster: Pick<ClusterRecord, "size" | "serving"> | undefined,
  { keepShare }: Pick<VerdictSettings, "keepShare">,
): boolean {
  if (cluster === undefined) return true;
  return cluster.serving - 1 >= Math.ceil(cluster.size * keepShare);
}

type FlapSettings = Pick<VerdictSettings, "flapLimit" | "flapWindowMs" | "flapHoldMs">;

/** Tells whether an endpoint that is found healthy again may come back. */
export function mayReturn(
  record: Pick<EndpointRecord, "evictions" | "foundMs">,
  ...[settings, nowMs]: [FlapSettings, number]
): boolean {
  const { flapLimit, flapHoldMs } = settings;
  if (flapLimit === 0 || recentEvictions(record, settings, nowMs).length < flapLimit) return true;
  return nowMs - record.foundMs >= flapHoldMs;
}

/** Returns when an endpoint was evicted lately. */
export function recentEvictions(
  { evictions }: Pick<EndpointRecord, "evictions">,
  ...[{ flapWindowMs }, nowMs]: [Pick<VerdictSettings, "flapWindowMs">, number]
): readonly number[] {
  return evictions.filter((atMs) => nowMs - atMs <= flapWindowMs);
}

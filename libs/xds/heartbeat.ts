// SPDX-License-Identifier: Apache-2.0
/**
 * When the time to live of what a client has is renewed: at half of it, as long as the stream stands
 * (xds_protocol "TTL").
 * @module
 */
import type { Resource } from "./resource.ts";
import type { StreamState, TypeState } from "./stream_state.ts";

/** Starts the clocks of resources that were sent with a TTL; stops those that lost theirs. */
export function scheduleHeartbeats(
  stream: StreamState,
  type: TypeState,
  sent: { readonly resources: readonly Resource[]; readonly nowMs: number },
): void {
  if (!stream.rendering.ttl) return;
  for (const { name, ttlMs } of sent.resources) {
    if (ttlMs === undefined) type.heartbeats?.delete(name);
    else (type.heartbeats ??= new Map()).set(name, sent.nowMs + ttlMs / 2);
  }
}

/** Returns the resources whose TTL is to be renewed now; forgets those that the client lost. */
export function dueHeartbeats(type: TypeState, nowMs: number): readonly Resource[] {
  const due: Resource[] = [];
  for (const [name, atMs] of type.heartbeats ?? []) {
    if (atMs > nowMs) continue;
    const resource = type.known.get(name);
    if (resource?.ttlMs === undefined) type.heartbeats?.delete(name);
    else due.push(resource);
  }
  return due;
}

/** Returns the moment of the next heartbeat of a type. */
export function nextHeartbeatMs(type: TypeState): number {
  let next = Infinity;
  for (const atMs of type.heartbeats?.values() ?? []) next = Math.min(next, atMs);
  return next;
}

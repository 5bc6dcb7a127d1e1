// SPDX-License-Identifier: Apache-2.0
/**
 * The xDS transport protocol as one state machine for SotW, Delta and every type: events in, effects
 * out. It does no I/O and knows no time but that of its events.
 *
 * At most one response of each type is without its ACK or NACK. What changes meanwhile is remembered
 * by name only, and a response is made when the transport takes one, from what is current then: a
 * slow client costs nothing but the names that it has not seen.
 * @module
 */
import { assertNever, StatusCode, StatusError } from "@denvoy/base";
import { renderDelta, takeDeltaRequest } from "./delta.ts";
import type { DeltaDiscoveryRequest, DiscoveryRequest } from "./discovery_request.ts";
import { nextHeartbeatMs, scheduleHeartbeats } from "./heartbeat.ts";
import { markWarming } from "./ordering.ts";
import { type Plan, planResponse } from "./plan.ts";
import { renderSotw, takeSotwRequest } from "./sotw.ts";
import type { StreamEffect, StreamEvent } from "./stream_events.ts";
import type { StreamOptions } from "./stream_options.ts";
import { StreamState, type TypeState } from "./stream_state.ts";
import { overLimit } from "./subscribe.ts";

const NO_EFFECTS: readonly StreamEffect[] = [];

/** Returns a stream on which nothing has happened yet. */
export function createStream(options: StreamOptions): StreamState {
  return new StreamState(options);
}

/**
 * Takes an event and returns what is to be done, in order. Changes `stream` in place. Only
 * `writable` leads to a response, to one at most; after any other event, a transport that was left
 * without one is to be offered again with `writable`.
 */
export function step(stream: StreamState, event: StreamEvent): readonly StreamEffect[] {
  if (stream.closed) return NO_EFFECTS;
  switch (event.kind) {
    case "request":
      return takeRequest(stream, event.request, event.nowMs);
    case "changed":
      return takeChange(stream, event);
    case "reassigned":
      return reassign(stream, event);
    case "retry":
      return retry(stream, event);
    case "writable":
      return respond(stream, event.nowMs);
    case "tick":
      stream.wakeAtMs = Infinity;
      return NO_EFFECTS;
    default:
      return assertNever(event);
  }
}

/** Tells whether `writable` may lead to a response now. */
export function hasPending(stream: StreamState, nowMs: number): boolean {
  return !stream.closed && stream.types.some((type) => isReady(type, nowMs));
}

function takeRequest(
  stream: StreamState,
  request: DiscoveryRequest | DeltaDiscoveryRequest,
  nowMs: number,
): readonly StreamEffect[] {
  const typeUrl = request.typeUrl || stream.typeUrl;
  if (!typeUrl) return close(stream, "type_url must be set on an aggregated stream");
  if (stream.typeUrl !== undefined && typeUrl !== stream.typeUrl) {
    return close(stream, `type_url must be ${stream.typeUrl} on this stream: ${typeUrl}`);
  }
  const known = stream.type(typeUrl);
  const context = {
    stream,
    type: known ?? stream.addType(typeUrl),
    isFirst: known === undefined,
    nowMs,
  };
  const effects = stream.mode === "delta"
    ? takeDeltaRequest(context, request)
    : takeSotwRequest(context, request);
  const error = overLimit(stream);
  if (error === undefined) return effects;
  stream.closed = true;
  return [...effects, { kind: "close", error }];
}

function close(stream: StreamState, message: string): readonly StreamEffect[] {
  stream.closed = true;
  const error = new StatusError(
    StatusCode.INVALID_ARGUMENT,
    `cannot take request as ${message}`,
  );
  return [{ kind: "close", error }];
}

function takeChange(
  stream: StreamState,
  { typeUrl, names, nowMs }: Extract<StreamEvent, { kind: "changed" }>,
): readonly StreamEffect[] {
  const type = stream.type(typeUrl);
  if (type === undefined || type.subscription.isEmpty) return NO_EFFECTS;
  if (names === "all") type.everything = true;
  else for (const name of names) if (type.subscription.wants(name)) type.mark(name, "changed");
  if (type.isPending) type.changedAtMs ??= nowMs;
  return NO_EFFECTS;
}

/** Everything may differ in another view; what was rejected stays so, by version. */
function reassign(
  stream: StreamState,
  { view, verdicts, nowMs }: Extract<StreamEvent, { kind: "reassigned" }>,
): readonly StreamEffect[] {
  stream.view = view;
  stream.verdicts = verdicts;
  for (const type of stream.types) {
    if (type.subscription.isEmpty) continue;
    type.everything = true;
    type.changedAtMs ??= nowMs;
  }
  return NO_EFFECTS;
}

function retry(
  stream: StreamState,
  { typeUrl, name, nowMs }: Extract<StreamEvent, { kind: "retry" }>,
): readonly StreamEffect[] {
  const type = stream.type(typeUrl);
  if (!type?.parked?.delete(name)) return NO_EFFECTS;
  if (type.parked.size === 0) type.parked = undefined;
  type.changedAtMs ??= nowMs;
  type.mark(name, "changed");
  return NO_EFFECTS;
}

function respond(stream: StreamState, nowMs: number): readonly StreamEffect[] {
  for (const type of stream.types) {
    if (!isReady(type, nowMs)) continue;
    const plan = planResponse(stream, type, nowMs);
    if (plan !== undefined) return [send(stream, type, { plan, nowMs }), ...wake(stream, nowMs)];
    if (!type.isPending) type.changedAtMs = undefined;
  }
  return wake(stream, nowMs);
}

function isReady(type: TypeState, nowMs: number): boolean {
  return type.inFlight === undefined &&
    (type.isPending || type.heartbeats !== undefined && nextHeartbeatMs(type) <= nowMs);
}

function send(
  stream: StreamState,
  type: TypeState,
  { plan, nowMs }: { readonly plan: Plan; readonly nowMs: number },
): StreamEffect {
  const nonce = stream.nextNonce();
  const render = stream.mode === "delta" ? renderDelta : renderSotw;
  const { body, versionInfo, bytes } = render(stream, type, { plan, nonce, nowMs });
  const { changedAtMs, typeUrl } = type;
  const { removed } = plan;
  type.changedAtMs = undefined;
  type.inFlight = {
    nonce,
    body,
    removed,
    versionInfo,
    sentAtMs: nowMs,
    changedAtMs,
    narrowed: false,
  };
  markWarming(stream, type, plan.resources);
  scheduleHeartbeats(stream, type, { resources: [...body.resources, ...plan.heartbeats], nowMs });
  return {
    kind: "respond",
    typeUrl,
    nonce,
    bytes,
    versionInfo,
    resources: body.resources,
    removed,
    changedAtMs,
  };
}

/** Announces the moment at which a wait ends or a TTL is to be renewed, if it is another one. */
function wake(stream: StreamState, nowMs: number): readonly StreamEffect[] {
  if (stream.types.every(({ held, heartbeats }) => !held?.size && !heartbeats?.size)) {
    return NO_EFFECTS;
  }
  let atMs = Infinity;
  for (const type of stream.types) {
    const moments = [...type.held?.values() ?? []].map((ms) => ms + stream.tuning.maxWaitMs);
    moments.push(nextHeartbeatMs(type));
    // What is due already waits for an ACK or the transport, not for a timer.
    for (const moment of moments) if (moment > nowMs) atMs = Math.min(atMs, moment);
  }
  if (atMs === Infinity || atMs === stream.wakeAtMs) return NO_EFFECTS;
  stream.wakeAtMs = atMs;
  return [{ kind: "wakeAt", atMs }];
}

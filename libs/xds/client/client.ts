// SPDX-License-Identifier: Apache-2.0
/**
 * The client side of the xDS transport protocol as one state machine for SotW, Delta and every type:
 * events in, effects out. It does no I/O and knows no time but that of its events.
 *
 * What was accepted stays until something acceptable replaces it or the server says that it is gone:
 * through rejections, and while servers are away. A request is made when the transport takes one, from
 * what is wanted then.
 * @module
 */
import { assertNever } from "@denvoy/base";
import type { TypeUrl } from "../resource.ts";
import { WILDCARD } from "../subscription.ts";
import { connect, disconnect, hear, open } from "./client_connection.ts";
import type { ClientEffect, ClientEvent } from "./client_events.ts";
import { judge, takeResponse, tellAbsent } from "./client_judgement.ts";
import type { ClientOptions } from "./client_options.ts";
import { nextRequest, subscribe } from "./client_requests.ts";
import { ClientState, ClientTypeState } from "./client_state.ts";

const NO_EFFECTS: readonly ClientEffect[] = [];
const NO_ANSWER = "server did not answer in time";

/**
 * Returns a client that wants nothing yet.
 * @throws TypeError without servers
 */
export function createClient(options: ClientOptions): ClientState {
  if (options.servers >= 1) return new ClientState(options);
  throw new TypeError(`Cannot make client as it must have a server: has ${options.servers}`);
}

/**
 * Takes an event and returns what is to be done, in order. Changes `state` in place. Only `writable`
 * leads to a request, to one at most: after any other event the transport is to be offered again.
 */
export function stepClient(state: ClientState, event: ClientEvent): readonly ClientEffect[] {
  const effects = react(state, event);
  const wake = nextWake(state);
  if (wake === state.wakeAtMs) return effects;
  state.wakeAtMs = wake;
  return wake === Infinity ? effects : [...effects, { kind: "wakeAt", atMs: wake }];
}

function react(state: ClientState, event: ClientEvent): readonly ClientEffect[] {
  switch (event.kind) {
    case "start":
      return state.phase === "idle" ? connect(state, event.nowMs) : NO_EFFECTS;
    case "subscribe":
      subscribe(typeOf(state, event.typeUrl), event.names);
      return NO_EFFECTS;
    case "opened":
      open(state);
      return NO_EFFECTS;
    case "established":
      state.enter("connected", event.nowMs);
      return NO_EFFECTS;
    case "response":
      hear(state, event.nowMs);
      return takeResponse(state, event.response, event.nowMs);
    case "judged":
      return judge(state, event);
    case "writable":
      return nextRequest(state, event.nowMs);
    case "disconnected":
      return disconnect(state, event);
    case "tick":
      return tick(state, event.nowMs);
    default:
      return assertNever(event);
  }
}

function typeOf(state: ClientState, typeUrl: TypeUrl): ClientTypeState {
  let type = state.types.get(typeUrl);
  if (type === undefined) state.types.set(typeUrl, type = new ClientTypeState(typeUrl));
  return type;
}

function tick(state: ClientState, nowMs: number): readonly ClientEffect[] {
  state.wakeAtMs = Infinity;
  if (state.retryAtMs <= nowMs) return connect(state, nowMs);
  return [...state.types.values()].flatMap((type) => expire(type, nowMs));
}

/** Names that waited long enough are absent; an answer that still comes is taken all the same. */
function expire(type: ClientTypeState, nowMs: number): readonly ClientEffect[] {
  const late = [...type.awaited].filter(([, untilMs]) => untilMs <= nowMs).map(([name]) => name);
  for (const name of late) type.awaited.delete(name);
  const news = late.filter((name) =>
    !type.absent.has(name) && (name === WILDCARD || type.subscription.lists(name))
  );
  return tellAbsent(type, news.map((name) => ({ name, reason: NO_ANSWER })));
}

function nextWake(state: ClientState): number {
  let atMs = state.retryAtMs;
  for (const { awaited } of state.types.values()) {
    for (const untilMs of awaited.values()) atMs = Math.min(atMs, untilMs);
  }
  return atMs;
}

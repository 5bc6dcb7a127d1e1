// SPDX-License-Identifier: Apache-2.0
/**
 * What a client asks for: the next request of a type, with the answer to the response before it.
 * @module
 */
import type { DeltaDiscoveryRequest, DiscoveryRequest } from "../discovery_request.ts";
import { globPrefix, WILDCARD } from "../subscription.ts";
import type { ClientEffect } from "./client_events.ts";
import type { ClientReply, ClientState, ClientTypeState } from "./client_state.ts";

/** Tells whether `writable` leads to a request. */
export function hasRequests(state: ClientState): boolean {
  return state.isOpen && [...state.types.values()].some((type) => isDue(state, type));
}

/** Returns the next request, if one is due. */
export function nextRequest(state: ClientState, nowMs: number): readonly ClientEffect[] {
  if (!state.isOpen) return [];
  for (const type of state.types.values()) {
    if (!isDue(state, type)) continue;
    const request = state.mode === "delta" ? deltaRequest(type) : sotwRequest(type);
    const isFirst = !state.hasSaidNode;
    state.hasSaidNode = true;
    expectAnswer(type, nowMs + state.tuning.absentAfterMs);
    return [{ kind: "send", request, isFirst }];
  }
  return [];
}

/** Takes the names that are wanted from now on; what is no longer wanted is forgotten. */
export function subscribe(type: ClientTypeState, names: readonly string[]): void {
  const change = type.subscription.replace([...new Set(names)], false);
  if (change === undefined) return;
  const started = change.wildcardStarted ? [...change.asked, WILDCARD] : change.asked;
  const ended = change.wildcardEnded ? [...change.dropped, WILDCARD] : change.dropped;
  if (started.length + ended.length === 0) return;
  for (const name of started) {
    type.toUnsubscribe.delete(name);
    type.toSubscribe.add(name);
  }
  for (const name of ended) {
    type.toSubscribe.delete(name);
    type.toUnsubscribe.add(name);
    type.awaited.delete(name);
    type.absent.delete(name);
  }
  type.namesChanged = true;
  for (const kept of [type.accepted, type.rejected]) {
    for (const name of kept.keys()) if (!type.subscription.wants(name)) kept.delete(name);
  }
}

function isDue(state: ClientState, type: ClientTypeState): boolean {
  if (!type.asked) return !type.subscription.isEmpty;
  if (type.replies.length > 0) return true;
  if (state.mode === "delta") return type.toSubscribe.size + type.toUnsubscribe.size > 0;
  // The answer to what is being judged carries the names; with an older nonce they would be stale.
  return type.namesChanged && type.judging === undefined;
}

function deltaRequest(type: ClientTypeState): DeltaDiscoveryRequest {
  const { typeUrl } = type;
  if (!type.asked) {
    const resourceNamesSubscribe = firstNames(type);
    const versions = [...type.accepted.values()].map(({ name, version }) => [name, version]);
    return {
      typeUrl,
      resourceNamesSubscribe,
      initialResourceVersions: Object.fromEntries(versions),
    };
  }
  const reply = type.replies.shift();
  return {
    typeUrl,
    ...answer(reply),
    resourceNamesSubscribe: [...type.toSubscribe],
    resourceNamesUnsubscribe: [...type.toUnsubscribe],
  };
}

function sotwRequest(type: ClientTypeState): DiscoveryRequest {
  const { typeUrl } = type;
  if (!type.asked) {
    // A server that counts versions may have begun anew and mean something else by the same one.
    return { typeUrl, versionInfo: "", resourceNames: firstNames(type), responseNonce: "" };
  }
  const reply = type.replies.shift() ?? { nonce: type.nonce };
  type.nonce = reply.nonce;
  const resourceNames = type.named ? type.listed : firstNames(type);
  return { typeUrl, versionInfo: type.streamVersion, resourceNames, ...answer(reply) };
}

/** Old servers know a wildcard only as a list without names. */
function firstNames(type: ClientTypeState): readonly string[] {
  const { listed } = type;
  return listed.length === 1 && listed[0] === WILDCARD && type.policy.legacyWildcard ? [] : listed;
}

function answer(reply: ClientReply | undefined): Pick<
  DiscoveryRequest,
  "responseNonce" | "errorDetail"
> {
  if (reply === undefined) return { responseNonce: "" };
  const { nonce: responseNonce, error: errorDetail } = reply;
  return { responseNonce, ...errorDetail !== undefined && { errorDetail } };
}

/** Notes that a request is on its way: by when each name that it asks for has to be answered. */
function expectAnswer(type: ClientTypeState, untilMs: number): void {
  const isFirst = !type.asked;
  const asked = isFirst ? type.listed : [...type.toSubscribe];
  for (const name of asked) {
    if (type.accepted.has(name) || globPrefix(name) !== undefined) continue;
    if (name === WILDCARD && type.answered) continue;
    if (!type.awaited.has(name)) type.awaited.set(name, untilMs);
  }
  type.asked = true;
  type.namesChanged = false;
  type.named ||= firstNames(type).length > 0;
  type.toSubscribe.clear();
  type.toUnsubscribe.clear();
}

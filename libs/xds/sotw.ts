// SPDX-License-Identifier: Apache-2.0
/**
 * State of the world: requests list everything that is wanted, responses of some types hold
 * everything that exists.
 * @module
 */
import { allNames, type DiscoveryRequest } from "./discovery_request.ts";
import { encodeHeartbeat, setVersion } from "./encoded_resource.ts";
import type { Plan } from "./plan.ts";
import type { Resource } from "./resource.ts";
import { encodeSotwResponse } from "./response.ts";
import type { ResponseBody } from "./response_body.ts";
import { type RequestContext, settleReply } from "./settle.ts";
import type { StreamEffect } from "./stream_events.ts";
import type { StreamState, TypeState } from "./stream_state.ts";
import { applyChange } from "./subscribe.ts";
import { isVersionOnly } from "./target.ts";
import type { Rendered } from "./delta.ts";

/**
 * Takes a request. Its names count whatever its nonce: with one response in flight per type, the
 * newest request is the truth.
 */
export function takeSotwRequest(
  context: RequestContext,
  request: DiscoveryRequest,
): readonly StreamEffect[] {
  const { stream, type, isFirst } = context;
  const settled = settleReply(context, request);
  const names = allNames(request.resourceNames, request.resourceLocators);
  const change = type.subscription.replace(names, type.policy.legacyWildcard);
  if (change === undefined) return settled;
  const applied = applyChange(stream, type, change);
  if (isFirst) type.resumed = (request.versionInfo ?? "") !== "";
  const resumed = isFirst ? resume(context, request.versionInfo ?? "") : [];
  return [...settled, ...applied, ...resumed];
}

/**
 * A client that comes back with the current version of a whole set is not sent it again. Only a
 * wildcard is sure to mean the same set as on the earlier stream, and only a client that never used
 * a part of a rejected response is sure to have what it says.
 */
function resume({ stream, type, nowMs }: RequestContext, version: string): StreamEffect[] {
  if (version === "" || !type.policy.fullState || !type.subscription.isPureWildcard) return [];
  if (stream.verdicts.wasEverRejected(type.typeUrl)) return [];
  const body = sharedBody(stream, type);
  if (setVersion(body.fingerprint) !== version) {
    assumeLingering(stream, type);
    return [];
  }
  type.known.replace(body);
  type.everything = type.owed = false;
  type.versionInfo = version;
  type.acceptedAtMs = nowMs;
  const { typeUrl } = type;
  const { resources } = body;
  return [{
    kind: "accepted",
    typeUrl,
    nonce: "",
    resources,
    removed: [],
    sentAtMs: nowMs,
    changedAtMs: undefined,
  }];
}

/** What was removed while the client was away it may still have: the removal has its place in order. */
function assumeLingering(stream: StreamState, type: TypeState): void {
  for (const resource of stream.view.lingering?.(type.typeUrl) ?? []) {
    if (stream.view.get(type.typeUrl, resource.name) !== undefined) continue;
    type.known.set(resource);
    (type.lingering ??= new Set()).add(resource.name);
  }
}

/** Encodes a plan: the whole set where the type demands it, else what changed. */
export function renderSotw(
  stream: StreamState,
  type: TypeState,
  options: { readonly plan: Plan; readonly nonce: string; readonly nowMs: number },
): Rendered {
  const { plan, nonce, nowMs } = options;
  const { fullState } = type.policy;
  const body = fullState
    ? fullBody(stream, type, options)
    : stream.bodies.ofSelection(plan.resources, { ...stream.rendering, nowMs });
  const versionInfo = setVersion(
    fullState ? body.fingerprint : type.known.fingerprintWith(plan.resources, []),
  );
  const more = fullState
    ? []
    : plan.heartbeats.map((resource) =>
      encodeHeartbeat(resource, { mode: "sotw", version: type.versionInfo })
    );
  const { typeUrl } = type;
  const tail = { versionInfo, typeUrl, nonce, errors: plan.errors, more };
  return { body, versionInfo, bytes: encodeSotwResponse(body, tail) };
}

function fullBody(
  stream: StreamState,
  type: TypeState,
  { plan, nowMs }: { readonly plan: Plan; readonly nowMs: number },
): ResponseBody {
  if (plan.isWholeList || hasNoExceptions(type)) return sharedBody(stream, type);
  const set = new Map<string, Resource>();
  for (const resource of type.known.values()) {
    if (!isVersionOnly(resource)) set.set(resource.name, resource);
  }
  for (const resource of plan.resources) set.set(resource.name, resource);
  for (const name of plan.removed) set.delete(name);
  return stream.bodies.ofSelection([...set.values()], { ...stream.rendering, nowMs });
}

/** A client without rejected or waiting resources has, or is about to have, just what all see. */
function hasNoExceptions(type: TypeState): boolean {
  return type.subscription.isPureWildcard && type.parked === undefined &&
    type.suspects.length === 0 && (type.held === undefined || type.held.size === 0) &&
    type.dirty.size === 0 && !type.everything;
}

function sharedBody(stream: StreamState, type: TypeState): ResponseBody {
  const list = stream.verdicts.served(type.typeUrl, stream.view.list(type.typeUrl));
  return stream.bodies.ofList(list, stream.rendering);
}

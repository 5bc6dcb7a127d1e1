// SPDX-License-Identifier: Apache-2.0
/**
 * Takes the ACK or NACK in a request: what the client has from then on, and what it will not get
 * again.
 * @module
 */
import { blame, nackDetail, park, suspectGroups } from "./nack.ts";
import type { AnyDiscoveryRequest } from "./discovery_request.ts";
import type { Resource } from "./resource.ts";
import type { NackDetail, StreamEffect } from "./stream_events.ts";
import type { InFlight, StreamState, TypeState } from "./stream_state.ts";
import { versionOnly } from "./target.ts";

/** What a request is taken with. */
export interface RequestContext {
  /** The stream. */
  readonly stream: StreamState;
  /** The type of the request. */
  readonly type: TypeState;
  /** It is the first of its type on this stream. */
  readonly isFirst: boolean;
  /** When it arrived. */
  readonly nowMs: number;
}

/**
 * Settles the response in flight if the request names its nonce; any other nonce is stale, or of an
 * earlier stream in a first request, and says nothing about it.
 */
export function settleReply(
  { stream, type, nowMs }: RequestContext,
  reply: AnyDiscoveryRequest,
): readonly StreamEffect[] {
  const { inFlight } = type;
  if (inFlight === undefined || inFlight.nonce !== reply.responseNonce) return [];
  type.inFlight = undefined;
  const detail = nackDetail(reply.errorDetail);
  if (detail !== undefined) return reject({ stream, type, inFlight, nowMs }, detail);
  return accept({ stream, type, inFlight, nowMs });
}

interface Settlement {
  readonly stream: StreamState;
  readonly type: TypeState;
  readonly inFlight: InFlight;
  readonly nowMs: number;
}

function accept({ stream, type, inFlight, nowMs }: Settlement): readonly StreamEffect[] {
  const { body, removed, versionInfo } = inFlight;
  if (inFlight.narrowed) takeWanted(type, body.resources);
  else if (stream.mode === "sotw" && type.policy.fullState) type.known.replace(body);
  else type.known.add(body);
  for (const name of removed) type.known.delete(name);
  type.versionInfo = versionInfo;
  type.acceptedAtMs = nowMs;
  return [accepted(type, inFlight, body.resources)];
}

function reject(settlement: Settlement, detail: NackDetail): readonly StreamEffect[] {
  const { type, inFlight, nowMs } = settlement;
  const { culprits, suspects, innocents } = blame(type, inFlight, detail.message);
  for (const resource of culprits) {
    park(type, { resource, detail, atMs: nowMs });
    type.mark(resource.name, type.policy.restores ? "asked" : "changed");
  }
  if (suspects.length > 0) type.suspects = [...suspectGroups(suspects), ...type.suspects];
  takeWanted(type, innocents);
  const isBlamed = culprits.length + suspects.length > 0;
  for (const name of inFlight.removed) settleRemoval(type, { name, isBlamed });
  const effects: StreamEffect[] = [{
    kind: "rejected",
    typeUrl: type.typeUrl,
    nonce: inFlight.nonce,
    resources: culprits,
    suspects: suspects.length,
    detail,
    sentAtMs: inFlight.sentAtMs,
  }];
  if (innocents.length > 0) effects.push(accepted(type, inFlight, innocents));
  return effects;
}

/**
 * A client may or may not have carried out removals beside a resource that it rejected: it is
 * treated as if it had another version, so that they are sent once more, or whatever comes instead.
 * One that rejects nothing but removals is left alone.
 */
function settleRemoval(
  type: TypeState,
  { name, isBlamed }: { readonly name: string; readonly isBlamed: boolean },
): void {
  if (!isBlamed) type.known.delete(name);
  else if (!type.known.has(name)) type.mark(name, "asked");
  else {
    type.known.set(versionOnly(type.typeUrl, name, ""));
    type.mark(name, "changed");
  }
}

function takeWanted(type: TypeState, resources: readonly Resource[]): void {
  for (const resource of resources) {
    if (type.subscription.wants(resource.name)) type.known.set(resource);
  }
}

function accepted(
  type: TypeState,
  inFlight: InFlight,
  resources: readonly Resource[],
): StreamEffect {
  return {
    kind: "accepted",
    typeUrl: type.typeUrl,
    nonce: inFlight.nonce,
    resources,
    removed: inFlight.removed,
    sentAtMs: inFlight.sentAtMs,
    changedAtMs: inFlight.changedAtMs,
  };
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Incremental xDS: requests add to and take from a subscription, responses hold what differs.
 * @module
 */
import type { Bytes } from "@denvoy/base";
import { allNames, type DeltaDiscoveryRequest, mapEntries } from "./discovery_request.ts";
import { encodeEmptyAlias, encodeHeartbeat, setVersion } from "./encoded_resource.ts";
import type { Plan } from "./plan.ts";
import { encodeDeltaResponse } from "./response.ts";
import type { ResponseBody } from "./response_body.ts";
import { type RequestContext, settleReply } from "./settle.ts";
import type { StreamEffect } from "./stream_events.ts";
import type { StreamState, TypeState } from "./stream_state.ts";
import { applyChange } from "./subscribe.ts";
import { versionOnly } from "./target.ts";

/** An encoded response. */
export interface Rendered {
  /** The resources in it. */
  readonly body: ResponseBody;
  /** `version_info` or `system_version_info`. */
  readonly versionInfo: string;
  /** All of it. */
  readonly bytes: Bytes;
}

/**
 * Takes a request, which may be an ACK or NACK and change the subscription at once. The subscription
 * counts whatever the nonce (xds_protocol "Incremental xDS").
 */
export function takeDeltaRequest(
  context: RequestContext,
  request: DeltaDiscoveryRequest,
): readonly StreamEffect[] {
  const { stream, type, isFirst } = context;
  const settled = settleReply(context, request);
  const change = type.subscription.update({
    subscribe: allNames(request.resourceNamesSubscribe, request.resourceLocatorsSubscribe),
    unsubscribe: allNames(request.resourceNamesUnsubscribe, request.resourceLocatorsUnsubscribe),
  }, isFirst && type.policy.legacyWildcard);
  const applied = applyChange(stream, type, change);
  if (isFirst) recall(context, request.initialResourceVersions);
  return settled.length === 0 ? applied : [...settled, ...applied];
}

/**
 * Takes over what the client has from an earlier stream. What is gone since is removed, even if the
 * client does not ask for it any more.
 */
function recall(
  { stream, type }: RequestContext,
  versions: DeltaDiscoveryRequest["initialResourceVersions"],
): void {
  let count = 0;
  for (const [name, version] of mapEntries(versions)) {
    if (++count > stream.tuning.limits.maxNames) return;
    const current = stream.view.get(type.typeUrl, name);
    const isWanted = type.subscription.wants(name);
    if (!isWanted && current !== undefined) continue;
    const isCurrent = current !== undefined && current.version === version;
    type.known.set(isCurrent ? current : versionOnly(type.typeUrl, name, version));
    if (!isWanted) type.mark(name, "changed");
  }
}

/** Encodes a plan. */
export function renderDelta(
  stream: StreamState,
  type: TypeState,
  options: { readonly plan: Plan; readonly nonce: string; readonly nowMs: number },
): Rendered {
  const { plan, nonce, nowMs } = options;
  const body = plan.isWholeList
    ? stream.bodies.ofList(plan.resources, stream.rendering)
    : stream.bodies.ofSelection(plan.resources, { ...stream.rendering, nowMs });
  const versionInfo = setVersion(
    plan.isWholeList ? body.fingerprint : type.known.fingerprintWith(plan.resources, plan.removed),
  );
  const bytes = encodeDeltaResponse(body, {
    versionInfo,
    typeUrl: type.typeUrl,
    nonce,
    removed: plan.removed,
    errors: plan.errors,
    more: [
      ...plan.emptyAliases.map(encodeEmptyAlias),
      ...plan.heartbeats.map((resource) =>
        encodeHeartbeat(resource, { mode: "delta", version: resource.version })
      ),
    ],
  });
  return { body, versionInfo, bytes };
}

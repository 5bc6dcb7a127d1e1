// SPDX-License-Identifier: Apache-2.0
/**
 * `/v1/rejections`: what nodes rejected, in whose words, and how to have it tried again as it is.
 * @module
 */
import { type Clock, StatusCode, StatusError } from "@denvoy/base";
import { type AnyRoute, empty, json, route } from "@denvoy/runtime";
import type { Hub, Rejection, ResourceKey } from "@denvoy/xds";
import type { NodeView } from "../domain/node_views.ts";
import { resourceTypeByWord } from "../domain/resource_types.ts";
import { typeLabel } from "../metrics.ts";
import type { NodeSessions } from "./node_sessions.ts";

/** What rejections are read from. */
export interface RejectionsApiParts {
  /** Who remembers them. */
  readonly hub: Hub;
  /** Whose nodes they are of. */
  readonly sessions: NodeSessions;
  /** Turns monotonic moments into dates. */
  readonly clock: Clock;
}

const TAG = "nodes";

/** Returns the routes. */
export function rejectionRoutes(parts: RejectionsApiParts): readonly AnyRoute[] {
  return [
    route({
      method: "GET",
      path: "/v1/rejections",
      summary: "Resources that nodes rejected, with their words",
      tag: TAG,
      responses: { 200: { doc: "All that is remembered.", schema: { type: "object" } } },
      handle: () => json({ rejections: [...allRejections(parts)] }),
    }),
    route({
      method: "POST",
      path: "/v1/rejections/{type}/{name...}",
      summary: "Have a rejected resource tried again as it is",
      description: "For a rejection that was not the content's fault, e.g. a port that was in use.",
      tag: TAG,
      params: { type: "Type of the resource, e.g. `listeners`.", name: "Name of the resource." },
      responses: { 204: { doc: "It is sent again to those who want it." } },
      handle({ params: { type, name } }) {
        retry(parts, { typeUrl: resourceTypeByWord(type)?.typeUrl ?? type, name });
        return empty();
      },
    }),
  ];
}

function views({ sessions }: RejectionsApiParts): ReadonlySet<NodeView> {
  return new Set([...sessions.list()].map(({ view }) => view));
}

function* allRejections(parts: RejectionsApiParts) {
  for (const view of views(parts)) {
    const verdicts = parts.hub.verdicts(view);
    for (const key of verdicts.rejectedKeys()) {
      for (const rejection of verdicts.rejections(key)) {
        yield rejectionJson(parts, { key, rejection, view });
      }
    }
  }
}

function rejectionJson(
  { clock, hub }: RejectionsApiParts,
  { key, rejection, view }: {
    readonly key: ResourceKey;
    readonly rejection: Rejection;
    readonly view: NodeView;
  },
) {
  const current = view.get(key.typeUrl, key.name);
  return {
    type: typeLabel(key.typeUrl),
    typeUrl: key.typeUrl,
    name: key.name,
    version: rejection.version,
    code: rejection.code,
    message: rejection.message,
    streams: rejection.count,
    firstAt: new Date(clock.nowMs() - clock.monotonicMs() + rejection.firstMs).toISOString(),
    current: current?.version === rejection.version,
    servedInstead: current && hub.verdicts(view).substitute(current)?.version,
    selectors: view.selectors,
  };
}

function retry(parts: RejectionsApiParts, key: ResourceKey): void {
  const concerned = [...views(parts)].filter((view) =>
    parts.hub.verdicts(view).rejections(key).length > 0
  );
  if (concerned.length === 0) {
    const message = `nothing has rejected the ${typeLabel(key.typeUrl)} resource "${key.name}"`;
    throw new StatusError(StatusCode.NOT_FOUND, message);
  }
  for (const view of concerned) parts.hub.retry(view, key);
}

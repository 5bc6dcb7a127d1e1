// SPDX-License-Identifier: Apache-2.0
/**
 * `GET /v1/watch`: what changes, as it changes. A watcher that is too slow is ended rather than
 * waited for, and goes on where it was with `from`.
 * @module
 */
import { isoTime, StatusCode } from "@denvoy/base";
import {
  anyObject,
  type AnyRoute,
  type ApiRequest,
  EventQueue,
  events,
  HttpError,
  invalid,
  route,
  type WatchEvent,
} from "@denvoy/runtime";
import type { TypeUrl } from "@denvoy/xds";
import type { LoggedEvent } from "../domain/change_log.ts";
import { LOAD_ASSIGNMENT } from "../domain/resource_types.ts";
import type { Revision } from "../domain/revision.ts";
import { type ApiParts, typeOf } from "./api_parts.ts";
import { headJson } from "./outcome_json.ts";
import { changeJson } from "./resource_json.ts";

/** Returns the route. */
export function watchRoute(parts: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/watch",
    summary: "Changes as they happen",
    description: "Lines of JSON, or Server-Sent Events with `Accept: text/event-stream`. Events: " +
      "`ready` with the newest revision, `revision` (its `id` is where to go on), `endpoint`, " +
      "`health`, `rollout`, and `overflow` when the watcher was too slow: watch again with `from`.",
    tag: "watch",
    query: {
      type: { type: "string", doc: "Only changes of this type." },
      name: { type: "string", doc: "Only changes of this name." },
      from: {
        type: "integer",
        doc: "First the revisions after this one; by default only what is new. " +
          "`Last-Event-ID` says the same.",
      },
    },
    responses: {
      200: {
        doc: "Events without end.",
        schema: anyObject,
        types: ["application/x-ndjson", "text/event-stream"],
      },
      410: { doc: "Revisions after `from` are no longer kept: read all anew." },
    },
    handle(request) {
      const { type, name } = request.query;
      const filter = { typeUrl: type === undefined ? undefined : typeOf(type).typeUrl, name };
      return events(watch(parts, { filter, from: startOf(request) }));
    },
  });
}

interface Filter {
  readonly typeUrl: TypeUrl | undefined;
  readonly name: string | undefined;
}

function startOf(
  { query, headers }: Pick<
    ApiRequest<unknown, { readonly from: number | undefined }>,
    "query" | "headers"
  >,
): number | undefined {
  const last = headers.get("last-event-id");
  if (query.from !== undefined || last === undefined) return query.from;
  if (/^\d{1,12}$/.test(last)) return Number(last);
  return invalid("Last-Event-ID", `must be the number of a revision: current value is "${last}"`);
}

function watch(
  { configuration: { log, store, writer } }: ApiParts,
  { filter, from }: { filter: Filter; from: number | undefined },
): AsyncIterable<WatchEvent> {
  const missed = from === undefined ? [] : revisionsAfter(from, { store, newest: writer.revision });
  const queue = new EventQueue();
  for (const revision of missed) {
    const event = revisionEvent(revision, filter);
    if (event !== undefined) queue.preload(event);
  }
  queue.preload({ event: "ready", id: `${writer.revision}`, data: { revision: writer.revision } });
  queue.onEnd(log.listen((logged) => {
    const event = eventOf(logged, filter);
    if (event !== undefined) queue.push(event);
  }));
  return queue;
}

function revisionsAfter(
  from: number,
  { store, newest }: { store: ApiParts["configuration"]["store"]; newest: number },
): readonly Revision[] {
  const revisions: Revision[] = [];
  for (let id = from + 1; id <= newest; id++) {
    const revision = store.revision(id);
    if (revision === undefined) {
      const message = `revisions after ${from} are no longer kept: the oldest is ` +
        `${store.oldestRevision()}`;
      throw new HttpError(410, message, { code: StatusCode.OUT_OF_RANGE });
    }
    revisions.push(revision);
  }
  return revisions;
}

function eventOf({ atMs, event }: LoggedEvent, filter: Filter): WatchEvent | undefined {
  switch (event.kind) {
    case "revision":
      return revisionEvent(event.revision, filter);
    case "endpoint":
    case "health": {
      const { kind, ...data } = event;
      const passes = (filter.typeUrl ?? LOAD_ASSIGNMENT) === LOAD_ASSIGNMENT &&
        (filter.name ?? event.cluster) === event.cluster;
      return passes ? { event: kind, data: { at: isoTime(atMs), ...data } } : undefined;
    }
    case "rollout": {
      const { id, status } = event;
      const why = status.kind === "canary" ? {} : { why: status.why };
      return { event: "rollout", data: { at: isoTime(atMs), id, status: status.kind, ...why } };
    }
  }
}

function revisionEvent(revision: Revision, { typeUrl, name }: Filter): WatchEvent | undefined {
  const changes = revision.changes.filter(({ key }) =>
    (typeUrl ?? key.typeUrl) === key.typeUrl && (name ?? key.name) === key.name
  );
  if (changes.length === 0) return undefined;
  const data = { ...headJson(revision), changes: changes.map(changeJson) };
  return { event: "revision", id: `${revision.id}`, data };
}

// SPDX-License-Identifier: Apache-2.0
/**
 * `GET /v1/watch`: changes of verdicts, as they happen. A watcher that is too slow is ended rather
 * than waited for.
 * @module
 */
import {
  anyObject,
  type AnyRoute,
  EventQueue,
  events,
  route,
  type WatchEvent,
} from "@denvoy/runtime";
import type { HealthControl } from "../health_control.ts";
import { type ApiParts } from "./api_parts.ts";
import { changeJson, endpointJson } from "./health_json.ts";

/** Returns the route. */
export function watchRoute({ control }: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/watch",
    summary: "Changes of verdicts as they happen",
    description: "Lines of JSON, or Server-Sent Events with `Accept: text/event-stream`. Events: " +
      "`endpoint` for each one that there is (with `all`) and `ready` after them, then `change`, " +
      "`added`, `removed`, and `overflow` when the watcher was too slow: watch again.",
    tag: "watch",
    query: {
      cluster: { type: "string", doc: "Only of this cluster." },
      all: { type: "boolean", doc: "Begins with all endpoints as they are." },
    },
    responses: {
      200: {
        doc: "Events without end.",
        schema: anyObject,
        types: ["application/x-ndjson", "text/event-stream"],
      },
    },
    handle: ({ query }) => events(watch(control, query)),
  });
}

function watch(
  control: HealthControl,
  { cluster, all }: { readonly cluster: string | undefined; readonly all: boolean },
): AsyncIterable<WatchEvent> {
  const queue = new EventQueue();
  if (all) {
    for (const record of control.table.endpoints(cluster)) {
      queue.preload({ event: "endpoint", data: endpointJson(record, control) });
    }
  }
  queue.preload({ event: "ready", data: {} });
  const isWanted = (item: { readonly cluster: string }) =>
    (cluster ?? item.cluster) === item.cluster;
  queue.onEnd(control.listen(({ added, changes, removed }) => {
    for (const record of added.filter(isWanted)) {
      queue.push({ event: "added", data: endpointJson(record, control) });
    }
    for (const change of changes.filter(isWanted)) {
      queue.push({ event: "change", data: changeJson(change) });
    }
    for (const { cluster, address } of removed.filter(isWanted)) {
      queue.push({ event: "removed", data: { cluster, address } });
    }
  }));
  return queue;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The routes of envoyproxy/ratelimit's debug port and Prometheus port.
 * @module
 */
import { type AnyRoute, PROMETHEUS_CONTENT_TYPE, route, text } from "@denvoy/runtime";
import { LimitSet } from "../domain/limit_set.ts";
import {
  type ReferenceCounts,
  referencePrometheusText,
  referenceStats,
} from "../domain/reference_stats.ts";
import { configLines } from "./rule_json.ts";

/** What the routes show. */
export interface ReferenceRouteParts {
  /** The limits in force. */
  readonly limits: () => LimitSet | undefined;
  /** What was counted. */
  readonly counts: () => ReferenceCounts;
  /** Arguments and memory of the process, as envoyproxy/ratelimit prints them first. */
  readonly process: () => { readonly args: readonly string[]; readonly memory: unknown };
}

const plainText = { types: ["text/plain"], schema: { type: "string" } } as const;

/** Paths of the debug port, as its index tells them. */
const debugPaths: Readonly<Record<string, string>> = {
  "/rlconfig": "print out the currently loaded configuration for debugging",
  "/stats": "print out stats",
};

/** Returns the routes of the debug port. */
export function debugRoutes(parts: ReferenceRouteParts): readonly AnyRoute[] {
  const index = route({
    method: "GET",
    path: "/",
    summary: "What can be asked for",
    tag: "reference",
    responses: { 200: { doc: "One line for each path.", ...plainText } },
    handle: () =>
      text(Object.entries(debugPaths).map(([path, doc]) => `${path}: ${doc}\n`).join("")),
  });
  return [index, configRoute(parts), statsRoute(parts)];
}

/** Returns `/rlconfig`. */
export function configRoute({ limits }: Pick<ReferenceRouteParts, "limits">): AnyRoute {
  return route({
    method: "GET",
    path: "/rlconfig",
    summary: "One line for each limit",
    tag: "reference",
    responses: { 200: { doc: "The lines.", ...plainText } },
    handle() {
      const lines = [...(limits() ?? LimitSet.empty).rules()].flatMap(configLines);
      return text(lines.map((line) => `${line}\n`).join(""));
    },
  });
}

/** Returns `/stats`. */
export function statsRoute(
  { counts, process }: Pick<ReferenceRouteParts, "counts" | "process">,
): AnyRoute {
  return route({
    method: "GET",
    path: "/stats",
    summary: "What was counted, under the names of envoyproxy/ratelimit",
    tag: "reference",
    responses: { 200: { doc: "`name: value` in each line.", ...plainText } },
    handle() {
      const { args, memory } = process();
      const head = [`cmdline: ${JSON.stringify(args)}`, `memstats: ${JSON.stringify(memory)}`];
      const lines = referenceStats(counts()).map(({ name, value }) => `${name}: ${value}`);
      return text([...head, ...lines].map((line) => `${line}\n`).join(""));
    },
  });
}

/** Returns the one route of the Prometheus port. */
export function prometheusRoute(
  path: string,
  { counts }: Pick<ReferenceRouteParts, "counts">,
): AnyRoute {
  return route({
    method: "GET",
    path,
    summary: "What was counted, under the Prometheus names of envoyproxy/ratelimit",
    tag: "reference",
    responses: { 200: { doc: "Prometheus's text format.", ...plainText } },
    handle: () => text(referencePrometheusText(counts()), { type: PROMETHEUS_CONTENT_TYPE }),
  });
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The routes that show what is counted: the counters of one descriptor, to read and to empty, and the
 * descriptors that no limit counts.
 * @module
 */
import { type Logger, StatusCode, StatusError } from "@denvoy/base";
import {
  anyObject,
  type AnyRoute,
  type ApiRequest,
  type ApiResponse,
  json,
  type QueryParameters,
  type QueryValues,
  route,
} from "@denvoy/runtime";
import type { CounterAccess, CountersFound } from "../counter_access.ts";
import type { NoLimitReason, RequestEntry } from "../domain/descriptor_matcher.ts";
import { windowName } from "../domain/limit_rule.ts";
import type { Sightings } from "../domain/sightings.ts";
import { limitJson } from "./rule_json.ts";

/** What the routes work with. */
export interface CounterRouteParts {
  /** Reads and empties. */
  readonly counters: CounterAccess;
  /** What was asked of late. */
  readonly sightings: Sightings;
  /** The time, in milliseconds since the epoch. */
  readonly nowMs: () => number;
  /** Where it is said that a counter was emptied, and by whom. */
  readonly logger: Logger;
}

const target = {
  domain: { type: "string", doc: "The domain." },
  entry: {
    type: "strings",
    doc: "An entry of the descriptor as `key=value`; again for each further one, in order.",
  },
} as const satisfies QueryParameters;

const responses = {
  200: {
    doc: "One counter for each limit of the rule that the descriptor matches.",
    schema: anyObject,
  },
  404: { doc: "No limit counts this descriptor." },
  503: { doc: "The store of counters does not answer." },
};

/** Returns the routes. */
export function counterRoutes(parts: CounterRouteParts): readonly AnyRoute[] {
  return [readRoute(parts), resetRoute(parts), unmatchedRoute(parts)];
}

type TargetQuery = QueryValues<typeof target>;

function readRoute({ counters }: CounterRouteParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/counters",
    summary: "How the counters of one descriptor stand",
    description: "Nothing is counted. `replaces` is about several descriptors and not looked at.",
    tag: "limits",
    query: target,
    responses,
    handle: async ({ query }) => answer(query, await counters.read(targetOf(query))),
  });
}

function resetRoute({ counters, logger }: CounterRouteParts): AnyRoute {
  return route({
    method: "DELETE",
    path: "/v1/counters",
    summary: "Empties the counters of one descriptor",
    description: "Of a fixed window the current one. Other replicas that remember the counter as " +
      "over its limit (`--local-cache`) follow within a second.",
    tag: "limits",
    query: target,
    responses,
    async handle({ query, principal }: ApiRequest<unknown, TargetQuery>) {
      const emptied = targetOf(query);
      const found = await counters.reset(emptied);
      if (found.kind === "counters") {
        logger.info("emptied counters", { rule: found.match.rule?.path, by: principal.name });
      }
      return answer(query, found);
    },
  });
}

function targetOf({ domain, entry }: TargetQuery) {
  if (domain === undefined || entry.length === 0) {
    throw new StatusError(
      StatusCode.INVALID_ARGUMENT,
      "domain and at least one entry must be given: ?domain=shop&entry=key=value",
    );
  }
  return { domain, entries: entry.map(entryOf) };
}

function entryOf(text: string): RequestEntry {
  const at = text.indexOf("=");
  if (at > 0) return { key: text.slice(0, at), value: text.slice(at + 1) };
  const message = `entry must be like key=value: is ${JSON.stringify(text.slice(0, 100))}`;
  throw new StatusError(StatusCode.INVALID_ARGUMENT, message);
}

function answer(query: TargetQuery, found: CountersFound): ApiResponse {
  const { domain, entries } = targetOf(query);
  if (found.kind === "none") {
    throw new StatusError(StatusCode.NOT_FOUND, `no limit counts this descriptor: ${found.why}`);
  }
  const { match: { rule }, counters } = found;
  return json({
    ...{ domain, entries, rule: rule?.path, place: rule?.place },
    counters: counters.map(({ limit, key, charged: { after, remaining, resetMs } }) => ({
      ...{ window: windowName(limit), key, limit: limitJson(limit) },
      ...{ used: after, remaining, resets_in_seconds: Math.ceil(resetMs / 1000) },
    })),
  });
}

const reasons: readonly NoLimitReason[] = [
  ...[
    "domain not found",
    "no entries",
    "no rule",
    "rule without limit",
    "no deeper rules",
  ] as const,
];

function unmatchedRoute({ sightings, nowMs }: CounterRouteParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/unmatched",
    summary: "Descriptors that matched no limit, by domain and keys, the most frequent first",
    description:
      "Counted since the start (from samples while requests are many), in bounded room: where there are very many shapes, rare " +
      "ones are forgotten. `POST /v1/explain` says more of one of them.",
    tag: "limits",
    query: {
      domain: { type: "string", doc: "Only those of this domain." },
      why: { type: "string", words: reasons, doc: "Only those without a limit for this reason." },
    },
    responses: { 200: { doc: "The shapes.", schema: anyObject } },
    handle({ query: { domain, why } }) {
      const shapes = sightings.unmatched(nowMs()).filter((shape) =>
        (domain === undefined || shape.domain === domain) &&
        (why === undefined || shape.why === why)
      );
      return json({
        unmatched: shapes.map(({ lastMs, ...shape }) => ({
          ...shape,
          last: new Date(lastMs).toISOString(),
        })),
      });
    },
  });
}

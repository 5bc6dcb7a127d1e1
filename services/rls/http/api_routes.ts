// SPDX-License-Identifier: Apache-2.0
/**
 * The routes of the HTTP port: those of envoyproxy/ratelimit (`/json`, `/healthcheck`, and those of
 * its debug port), and what shows the limits and explains them.
 * @module
 */
import {
  anyObject,
  type AnyRoute,
  type ApiRequest,
  type ApiResponse,
  empty,
  json,
  type Method,
  route,
  text,
} from "@denvoy/runtime";
import { formatProblem, ProblemError, StatusError } from "@denvoy/base";
import { explain } from "../domain/explain.ts";
import { LimitSet } from "../domain/limit_set.ts";
import type { ResponseSettings } from "../handlers/response_message.ts";
import type { RlsInstruments } from "../metrics.ts";
import type { RateLimiter } from "../rate_limiter.ts";
import { type CounterRouteParts, counterRoutes } from "./counter_routes.ts";
import { hitRequestOfJson, responseJson } from "./rate_limit_json.ts";
import { configRoute, type ReferenceRouteParts, statsRoute } from "./reference_routes.ts";
import { explanationJson, limitsOfRule, ruleJson } from "./rule_json.ts";

/** What the routes work with. */
export interface ApiParts extends CounterRouteParts, ReferenceRouteParts {
  /** What decides. */
  readonly limiter: RateLimiter;
  /** Whether the service can serve. */
  readonly isReady: () => boolean;
  /** What was counted. */
  readonly instruments: RlsInstruments;
  /** What responses hold. */
  readonly responses: ResponseSettings;
}

const requestBody = {
  doc: "`envoy.service.ratelimit.v3.RateLimitRequest` as canonical JSON.",
  schema: anyObject,
  maxBytes: 1024 * 1024,
};

/** Returns all routes. */
export function apiRoutes(parts: ApiParts): readonly AnyRoute[] {
  return [
    ...jsonMethods.map((method) => jsonRoute(method, parts)),
    healthRoute(parts),
    configRoute(parts),
    statsRoute(parts),
    limitsRoute(parts),
    explainRoute(parts),
    ...counterRoutes(parts),
  ];
}

/** envoyproxy/ratelimit answers whatever the method and type are. */
const jsonMethods: readonly Method[] = ["POST", "PUT", "PATCH", "GET", "DELETE"];
const jsonTypes: readonly string[] = [
  ...["application/json", "application/x-www-form-urlencoded", "text/plain"],
  "application/octet-stream",
];

function jsonRoute(method: Method, parts: ApiParts): AnyRoute {
  return route({
    method,
    path: "/json",
    summary: "Decides on a request, as ShouldRateLimit does",
    tag: "reference",
    access: "mesh",
    body: { ...requestBody, types: jsonTypes },
    responses: {
      200: { doc: "It may pass.", schema: anyObject },
      429: { doc: "It is over a limit.", schema: anyObject },
      400: { doc: "It cannot be decided on.", types: ["text/plain"], schema: { type: "string" } },
    },
    handle: (request) => decideJson(parts, request),
  });
}

/** envoyproxy/ratelimit answers every error with 400. */
async function decideJson(
  { limiter, responses }: ApiParts,
  request: ApiRequest,
): Promise<ApiResponse> {
  try {
    const hits = hitRequestOfJson(await request.json());
    const decided = await limiter.decide(hits);
    const body = responseJson(decided, { request: hits, settings: responses });
    return json(body, { status: decided.decision.verdict === "ok" ? 200 : 429 });
  } catch (error) {
    if (error instanceof ProblemError) {
      return text(error.problems.map(formatProblem).join("\n"), { status: 400 });
    }
    if (error instanceof StatusError) return text(error.message, { status: 400 });
    throw error;
  }
}

function healthRoute({ isReady }: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/healthcheck",
    summary: "Tells whether the service can serve",
    tag: "reference",
    access: "open",
    responses: {
      200: { doc: "It can.", types: ["text/plain"], schema: { type: "string" } },
      500: { doc: "It cannot, or drains." },
    },
    handle: () => isReady() ? text("OK") : empty({ status: 500 }),
  });
}

function limitsRoute({ limits, instruments, sightings, nowMs }: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/limits",
    summary: "The rules in force, what was counted of each since the start, and their hottest keys",
    description: "`hot_keys` are from what this process decided, those that were asked for most " +
      "of late first; in `recent_hits` what is a minute old counts half.",
    tag: "limits",
    query: { domain: { type: "string", doc: "Only the rules of this domain." } },
    responses: { 200: { doc: "The rules.", schema: anyObject } },
    handle({ query: { domain } }) {
      const rules = [...(limits() ?? LimitSet.empty).rules()]
        .filter((rule) => domain === undefined || rule.domain === domain);
      const all = rules.flatMap((rule) =>
        limitsOfRule(rule).map(({ limit, window }) => {
          const counted = limit?.kind === "counted" ? limit : undefined;
          const several = window === undefined ? undefined : counted;
          const hotKeys = counted === undefined ? [] : sightings.hotKeys(rule, counted, nowMs());
          const counts = instruments.totals(rule, several);
          return ruleJson({ rule, limit, window, counts, hotKeys });
        })
      );
      return json({ limits: all });
    },
  });
}

function explainRoute({ limits }: ApiParts): AnyRoute {
  return route({
    method: "POST",
    path: "/v1/explain",
    summary: "Which rule each descriptor of a request matches, and why not the others",
    description: "Nothing is counted. `replaces` is about several descriptors and not looked at.",
    tag: "limits",
    body: requestBody,
    responses: { 200: { doc: "One explanation for each descriptor.", schema: anyObject } },
    async handle(request) {
      const { domain, descriptors } = hitRequestOfJson(await request.json());
      const set = limits() ?? LimitSet.empty;
      const explanations = descriptors.map((descriptor) => explain(set, { domain, descriptor }));
      return json({ domain, descriptors: explanations.map(explanationJson) });
    },
  });
}

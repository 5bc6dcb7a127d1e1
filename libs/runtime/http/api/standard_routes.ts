// SPDX-License-Identifier: Apache-2.0
/**
 * The routes that every service has: health, readiness, metrics, and the API's own description.
 * @module
 */
import { type Metrics, PROMETHEUS_CONTENT_TYPE } from "../../metrics/metrics.ts";
import type { Readiness } from "../readiness.ts";
import { openApiDocument, type OpenApiInfo } from "./openapi.ts";
import { json, text } from "./response.ts";
import { type AnyRoute, route } from "./route.ts";

/** What the standard routes show. */
export interface StandardRoutesOptions {
  /** Shown by `/readyz`. */
  readonly readiness: Readiness;
  /** Shown by `/metrics`. */
  readonly metrics: Metrics;
  /** Shown by `/openapi.json`. */
  readonly info: OpenApiInfo;
  /** Serves `/metrics` without a token or client certificate. */
  readonly openMetrics: boolean;
  /** Whether clients must say who they are; those who did not see no details then. */
  readonly asksForIdentity: () => boolean;
}

/** Returns `own` and the standard routes, which the OpenAPI document describes together. */
export function withStandardRoutes(
  own: readonly AnyRoute[],
  options: StandardRoutesOptions,
): readonly AnyRoute[] {
  const routes = [...own, healthz(), readyz(options), metricsRoute(options)];
  const openapi: AnyRoute = route({
    method: "GET",
    path: "/openapi.json",
    summary: "Describes this API (OpenAPI 3.1).",
    tag: "service",
    responses: { 200: { doc: "The document.", schema: { type: "object" } } },
    handle: () => json(document),
  });
  const document = openApiDocument([...routes, openapi], options.info);
  return [...routes, openapi];
}

function healthz(): AnyRoute {
  return route({
    method: "GET",
    path: "/healthz",
    summary: "Tells that the process lives.",
    tag: "service",
    access: "open",
    responses: { 200: { doc: "It lives.", schema: statusSchema(["ok"]) } },
    handle: () => json({ status: "ok" }),
  });
}

function readyz(options: StandardRoutesOptions): AnyRoute {
  const schema = {
    type: "object",
    required: ["status"],
    properties: {
      status: { type: "string", enum: ["starting", "ok", "degraded", "failed", "draining"] },
      components: {
        type: "object",
        additionalProperties: {
          type: "object",
          required: ["status", "message", "since"],
          properties: {
            status: { type: "string", enum: ["starting", "ok", "degraded", "failed"] },
            message: { type: "string" },
            since: { type: "string", format: "date-time" },
          },
        },
      },
    },
  };
  return route({
    method: "GET",
    path: "/readyz",
    summary: "Tells whether the service can serve, and how its components are.",
    description: "Where a token or client certificate is asked for, `components` is shown only " +
      "to those who may use the API.",
    tag: "service",
    access: "open",
    responses: {
      200: { doc: "It can serve.", schema },
      503: { doc: "It cannot, or drains.", schema },
    },
    handle(request) {
      const { ready, status, components } = options.readiness.report();
      const trusted = request.principal.kind !== "anonymous" || !options.asksForIdentity();
      const body = trusted ? { status, components } : { status };
      return json(body, { status: ready ? 200 : 503 });
    },
  });
}

function metricsRoute(options: StandardRoutesOptions): AnyRoute {
  return route({
    method: "GET",
    path: "/metrics",
    summary: "Metrics of the service in the Prometheus text format.",
    tag: "service",
    access: options.openMetrics ? "open" : "authenticated",
    responses: {
      200: { doc: "The metrics.", schema: { type: "string" }, types: ["text/plain"] },
    },
    async handle() {
      return text(await options.metrics.scrape(), { type: PROMETHEUS_CONTENT_TYPE });
    },
  });
}

function statusSchema(words: readonly string[]) {
  return {
    type: "object",
    required: ["status"],
    properties: { status: { type: "string", enum: words } },
  };
}

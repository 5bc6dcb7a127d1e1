// SPDX-License-Identifier: Apache-2.0
/**
 * Answers HTTP requests from a route table: guard, route, identity, query, body, handler, answer. In
 * that order, so that what a stranger sends costs little.
 * @module
 */
import type { Clock, Logger } from "@denvoy/base";
import { LATENCY_BUCKETS_SECONDS } from "../../metrics/instruments.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../server/message.ts";
import { authenticate, type AuthenticationOptions } from "./authentication.ts";
import { checkHost, checkOrigin, refuseBrowsers } from "./browser_guard.ts";
import { eventBytes, eventFormat, eventType } from "./event_stream.ts";
import { errorAnswer } from "./http_error.ts";
import { parseQuery } from "./query.ts";
import { BodyBudget, BodyReader } from "./request_body.ts";
import type { ApiResponse } from "./response.ts";
import type { AnyRoute, ApiRequest, Principal } from "./route.ts";
import { Router } from "./router.ts";

/** What a handler is made of. */
export interface ApiHandlerOptions {
  /** All routes, the standard ones included. */
  readonly routes: readonly AnyRoute[];
  /** Names by which the server may be called, beside loopback names and IP addresses. */
  readonly hosts: readonly string[];
  /** What clients must show. */
  readonly authentication: AuthenticationOptions;
  /** Where unexpected errors are logged, once each. */
  readonly logger: Logger;
  /** Where requests are counted. */
  readonly metrics: Metrics;
  /** Durations, and timers of watches. */
  readonly clock: Clock;
}

/** Returns the handler of a route table. It never rejects. */
export function createApiHandler(options: ApiHandlerOptions): HttpHandler {
  const handler = new ApiHandler(options);
  return (request) => handler.handle(request);
}

class ApiHandler {
  readonly #options: ApiHandlerOptions;
  readonly #router: Router;
  readonly #hosts: ReadonlySet<string>;
  readonly #budget = new BodyBudget();
  readonly #requests;
  readonly #seconds;

  constructor(options: ApiHandlerOptions) {
    this.#options = options;
    this.#router = new Router(options.routes);
    this.#hosts = new Set(options.hosts.map((host) => host.toLowerCase()));
    this.#requests = options.metrics.counter("http_requests_total", {
      help: "Requests to the HTTP API by route and status.",
      labels: ["method", "route", "status"],
    });
    this.#seconds = options.metrics.histogram("http_request_seconds", {
      help: "Time from a request's head to its answer, without the streaming of watches.",
      labels: ["route"],
      buckets: LATENCY_BUCKETS_SECONDS,
    });
  }

  async handle(request: HttpRequest): Promise<HttpResponse> {
    const startMs = this.#options.clock.monotonicMs();
    const label = { route: "none", method: "other" };
    let response: HttpResponse;
    try {
      response = await this.#answer(request, label);
    } catch (error) {
      response = this.#failure(error, label.route);
    }
    const seconds = (this.#options.clock.monotonicMs() - startMs) / 1000;
    this.#requests.add(1, { ...label, status: String(response.status) });
    this.#seconds.record(seconds, { route: label.route });
    return response;
  }

  async #answer(
    request: HttpRequest,
    label: { route: string; method: string },
  ): Promise<HttpResponse> {
    const { path, query } = splitTarget(request.target);
    checkOrigin(request);
    const { route, params } = this.#router.match(request.method, path);
    label.route = route.path;
    label.method = request.method;
    const principal = authenticate(request, route, this.#options.authentication);
    guardHost(request, { route, principal, hosts: this.#hosts });
    const values = parseQuery(query, route.query ?? {});
    const body = new BodyReader(request, { body: route.body, budget: this.#budget });
    try {
      const asked = apiRequest(request, { route, params, query: values, principal, body });
      // The route's own types made `params` and `query` what its handler expects.
      return this.#render(request, await route.handle(asked as ApiRequest<never, never>));
    } finally {
      body.release();
    }
  }

  #render(request: HttpRequest, response: ApiResponse): HttpResponse {
    const { status, headers } = response;
    if (response.kind === "empty") return { status, headers: secured(headers) };
    if (response.kind === "bytes") {
      const type = { "content-type": response.type };
      return { status, headers: secured({ ...type, ...headers }), body: response.bytes };
    }
    if (response.kind === "stream") {
      const type = { "content-type": response.type };
      return { status, headers: secured({ ...type, ...headers }), body: response.chunks };
    }
    const format = eventFormat(request.headers.get("accept"));
    const body = eventBytes(response.events, {
      format,
      request,
      clock: this.#options.clock,
      onError: (error) => this.#options.logger.error("watch failed", { error }),
    });
    return { status, headers: secured({ "content-type": eventType(format), ...headers }), body };
  }

  #failure(error: unknown, route: string): HttpResponse {
    const answer = errorAnswer(error);
    if (answer.unexpected) this.#options.logger.error("HTTP request failed", { route, error });
    const body = new TextEncoder().encode(JSON.stringify({ error: answer.body }) + "\n");
    const type = { "content-type": "application/json" };
    return { status: answer.status, headers: secured({ ...type, ...answer.headers }), body };
  }
}

function guardHost(
  request: HttpRequest,
  { route, principal, hosts }: {
    readonly route: AnyRoute;
    readonly principal: Principal;
    readonly hosts: ReadonlySet<string>;
  },
): void {
  // A page that rebinds its name does not have the token, so a token makes up for the name.
  if (route.hosts === "any") refuseBrowsers(request);
  else if (principal.kind !== "token") checkHost(request, { hosts });
}

interface RequestParts {
  readonly route: AnyRoute;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly principal: Principal;
  readonly body: BodyReader;
}

function apiRequest(request: HttpRequest, parts: RequestParts): ApiRequest {
  const { route, params, query, principal, body } = parts;
  return {
    method: route.method,
    params,
    query,
    principal,
    headers: request.headers,
    certificate: request.certificate,
    peerAddress: request.peerAddress,
    signal: request.signal,
    draining: request.draining,
    bytes: () => body.bytes(),
    text: () => body.text(),
    json: () => body.json(),
  };
}

function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const mark = target.indexOf("?");
  if (mark < 0) return { path: target, query: "" };
  return { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

/** Answers are data, never pages: no browser may guess a type, frame them or keep them. */
function secured(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    ...headers,
  };
}

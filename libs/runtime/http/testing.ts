// SPDX-License-Identifier: Apache-2.0
/**
 * A server with routes of every kind, for the tests of the HTTP API.
 * @module
 */
import { type Problem, ProblemError, StatusCode, StatusError } from "@denvoy/base";
import { RecordingLogger } from "@denvoy/base/testing";
import { Metrics } from "../metrics/metrics.ts";
import { systemClock } from "../system_clock.ts";
import { checkWritePreconditions, entityTag, isNotModified } from "./api/etag.ts";
import { empty, json, text } from "./api/response.ts";
import { type AnyRoute, route } from "./api/route.ts";
import { type ApiServerOptions, serveApi } from "./api_server.ts";
import { Readiness } from "./readiness.ts";
import type { HttpServer } from "./server/http_server.ts";

/** A running server and what it was made of. */
export interface ServedApi extends AsyncDisposable {
  /** `http://` and its address. */
  readonly base: string;
  /** The server. */
  readonly server: HttpServer;
  /** What `/readyz` shows. */
  readonly readiness: Readiness;
  /** What it logged. */
  readonly logger: RecordingLogger;
}

/** An answer, read to its end. */
export interface ReadAnswer {
  /** HTTP status. */
  readonly status: number;
  /** Its headers. */
  readonly headers: Headers;
  /** Its body as text. */
  readonly body: string;
}

const done = { 200: { doc: "Done." } };
const problem: Problem = { severity: "error", message: "must be X", path: "a.b" };

interface ThingQuery {
  readonly verbose: boolean;
  readonly limit: number | undefined;
  readonly page: number;
  readonly soak: number | undefined;
  readonly tag: readonly string[];
  readonly view: "full" | "brief" | undefined;
}

/** Fails to compile when a handler gets other types than its route declares. */
function typed(query: ThingQuery): ThingQuery {
  return query;
}

function routes(): readonly AnyRoute[] {
  return [
    route({
      method: "GET",
      path: "/v1/things/{type}/{name...}",
      summary: "Gets.",
      query: {
        verbose: { type: "boolean", doc: "V." },
        limit: { type: "integer", min: 1, max: 9, doc: "L." },
        page: { type: "integer", default: 1, doc: "P." },
        soak: { type: "duration", doc: "S." },
        tag: { type: "strings", doc: "T." },
        view: { type: "string", words: ["full", "brief"], doc: "W." },
      },
      responses: done,
      handle({ params, query, principal }) {
        const { type, name }: { type: string; name: string } = params;
        return json({ type, name, query: typed(query), principal: principal.kind });
      },
    }),
    route({
      method: "PUT",
      path: "/v1/things/{type}/{name...}",
      summary: "Puts.",
      body: { doc: "A thing.", schema: { type: "object" }, maxBytes: 1_000 },
      responses: { 200: { doc: "Put.", schema: { type: "object" } } },
      async handle(request) {
        checkWritePreconditions(request.headers, entityTag("7"));
        return json({ body: await request.json(), by: request.principal });
      },
    }),
    route({
      method: "GET",
      path: "/v1/things/special/case",
      summary: "Goes before the template.",
      responses: done,
      handle: ({ headers }) =>
        isNotModified(headers, '"7"') ? empty({ status: 304 }) : text("special"),
    }),
    route({
      method: "POST",
      path: "/v1/things:{verb}",
      summary: "Fails as told.",
      responses: done,
      handle({ params: { verb } }) {
        if (verb === "status") throw new StatusError(StatusCode.NOT_FOUND, "no thing here");
        if (verb === "problems") throw new ProblemError([problem]);
        throw new Error("hunter2 is the password");
      },
    }),
    ...accessRoutes(),
  ];
}

/** Routes that are not only for administrators that call the server by its name. */
function accessRoutes(): readonly AnyRoute[] {
  return [
    route({
      method: "POST",
      path: "/v3/discovery:clusters",
      summary: "For Envoy.",
      hosts: "any",
      responses: done,
      handle: () => json({}),
    }),
    route({
      method: "POST",
      path: "/v3/discovery:routes",
      summary: "For every Envoy of the mesh.",
      hosts: "any",
      access: "mesh",
      responses: done,
      handle: () => json({}),
    }),
    route({
      method: "GET",
      path: "/v1/open",
      summary: "Shows what it was shown.",
      access: "open",
      responses: done,
      handle: ({ principal, headers, certificate }) =>
        json({
          principal: principal.kind,
          authorization: headers.get("authorization"),
          uriSans: certificate?.uriSans,
          dnsSans: certificate?.dnsSans,
        }),
    }),
  ];
}

/** Serves the routes of this file, unless `more` says otherwise, on a free port. */
export async function serve(more: Partial<ApiServerOptions> = {}): Promise<ServedApi> {
  const metrics = new Metrics({ service: "ads" });
  const readiness = new Readiness(systemClock);
  const logger = new RecordingLogger();
  const server = await serveApi({
    address: { kind: "tcp", hostname: "127.0.0.1", port: 0 },
    routes: routes(),
    info: { title: "T", description: "D", version: "1.0.0" },
    hosts: ["ads.mesh"],
    openMetrics: false,
    readiness,
    metrics,
    logger,
    clock: systemClock,
    ...more,
  });
  const base = `http://${server.address}`;
  const close = () => server[Symbol.asyncDispose]();
  return { base, server, readiness, logger, [Symbol.asyncDispose]: close };
}

/** Sends headers that fetch would not let through; returns status and body. */
export async function raw(address: string, head: string): Promise<readonly [number, string]> {
  const [hostname = "", port] = address.split(":");
  using conn = await Deno.connect({ hostname, port: Number(port) });
  await conn.write(new TextEncoder().encode(`${head}\r\nConnection: close\r\n\r\n`));
  const response = await new Response(conn.readable).text();
  return [Number(response.split(" ")[1]), response.slice(response.indexOf("\r\n\r\n") + 4)];
}

/** Fetches and reads the whole answer. */
export async function bodyOf(
  url: string,
  init?: RequestInit & { readonly client?: Deno.HttpClient },
): Promise<ReadAnswer> {
  const response = await fetch(url, init);
  const body = await response.text();
  return { status: response.status, headers: response.headers, body };
}

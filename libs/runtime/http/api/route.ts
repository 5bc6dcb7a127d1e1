// SPDX-License-Identifier: Apache-2.0
/**
 * Routes of the HTTP API: each says what it takes and gives, which routing, parsing and the OpenAPI
 * document are all made from.
 * @module
 */
import type { PeerCertificate } from "../server/byte_stream.ts";
import type { HeaderMap } from "../server/request_head.ts";
import type { QueryParameters, QueryValues } from "./query_parameter.ts";
import type { ApiResponse } from "./response.ts";

/** A JSON Schema (2020-12), as OpenAPI 3.1 uses it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Any object, for schemas that are described in words. */
export const anyObject: JsonSchema = { type: "object" };

/** Methods that routes may have; HEAD is answered by GET. */
export type Method = "GET" | "PUT" | "POST" | "PATCH" | "DELETE";

/** Names in a path template: `{name}` is one segment, `{name...}` the rest, slashes included. */
export type PathParameters<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? { readonly [K in Name extends `${infer Bare}...` ? Bare : Name]: string } & PathParameters<Rest>
  : unknown;

/** Who used the API, for authorization and the history of changes. */
export interface Principal {
  /**
   * `certificate` is that of an administrator; `anonymous` where nobody has to say who they are, and
   * on routes with other access for those who may not use the rest of the API.
   */
  readonly kind: "anonymous" | "token" | "certificate";
  /** The token file's name, the SAN that makes an administrator, or the peer's address. */
  readonly name: string;
}

/** Returns the name of who sent a request, as history and audit have it. */
export function whoOf({ principal }: { readonly principal: Principal }): string {
  return principal.kind === "anonymous" ? "anonymous" : principal.name;
}

/** A request as a route's handler gets it. */
export interface ApiRequest<Params = unknown, Query = unknown> {
  /** The method; `HEAD` is shown as `GET`. */
  readonly method: Method;
  /** Values of the path template, decoded. */
  readonly params: Params;
  /** Values of the declared query parameters. */
  readonly query: Query;
  /** Headers by lower-case name. */
  readonly headers: HeaderMap;
  /** Who sent it. */
  readonly principal: Principal;
  /**
   * The verified client certificate, with all its names, whatever its owner may do; undefined when
   * none was shown. Only `principal` says who may use the API.
   */
  readonly certificate: PeerCertificate | undefined;
  /** `ip:port`, `[ip6]:port` or `unix`. */
  readonly peerAddress: string;
  /** Fires when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Fires when the server drains: long polls should answer then. */
  readonly draining: AbortSignal;
  /** The body as bytes. Rejects with 413 beyond the route's limit. */
  bytes(): Promise<Uint8Array>;
  /** The body as text. Rejects with 400 unless it is UTF-8. */
  text(): Promise<string>;
  /** The body as JSON. Rejects with 400 unless it is JSON. */
  json(): Promise<unknown>;
}

/** What a route's body is. */
export interface RouteBody {
  /** What it holds. */
  readonly doc: string;
  /** Schema of its JSON form. */
  readonly schema: JsonSchema;
  /** Media types it may have. @default application/json */
  readonly types?: readonly string[];
  /** Largest body in bytes. @default 4 MiB */
  readonly maxBytes?: number;
}

/** One answer that a route may give. */
export interface RouteResponse {
  /** When and what. */
  readonly doc: string;
  /** Schema of its body; absent when it has none. */
  readonly schema?: JsonSchema;
  /** Media types of the body. @default application/json */
  readonly types?: readonly string[];
}

/**
 * Who is answered: `authenticated` whoever has a token or the client certificate of an administrator;
 * `mesh` also every other client certificate that chains to the roots, as on the gRPC port; `open`
 * everybody, and an unknown bearer token is for the route to judge.
 */
export type Access = "authenticated" | "mesh" | "open";

/** One operation of the API. */
export interface Route<
  P extends string = string,
  Q extends QueryParameters = QueryParameters,
> {
  /** Its method. */
  readonly method: Method;
  /** Its path template, e.g. `/v1/resources/{type}/{name...}`. */
  readonly path: P;
  /** What it does, in one line. */
  readonly summary: string;
  /** More about it, in Markdown. */
  readonly description?: string;
  /** Group in the documentation. */
  readonly tag?: string;
  /** What each name of the path means. */
  readonly params?: Readonly<Record<string, string>>;
  /** Its query parameters. */
  readonly query?: Q;
  /** Its body. Without it a body is not read. */
  readonly body?: RouteBody;
  /** Its answers by status; errors common to all routes are added. */
  readonly responses: Readonly<Record<number, RouteResponse>>;
  /** Who is answered. @default "authenticated" */
  readonly access?: Access;
  /**
   * `any` answers whatever name the client calls the server by, for Envoy, which sends its cluster's
   * name; requests that a browser made are refused then. @default "checked"
   */
  readonly hosts?: "checked" | "any";
  /** Answers it. A thrown StatusError or ProblemError is told to the client, all else is 500. */
  handle(
    request: ApiRequest<PathParameters<P>, QueryValues<Q>>,
  ): ApiResponse | Promise<ApiResponse>;
}

/** A route of any shape, as a table holds it. */
export interface AnyRoute extends Omit<Route, "handle"> {
  /** See {@linkcode Route.handle}; the parameters were checked when the route was made. */
  handle(request: ApiRequest<never, never>): ApiResponse | Promise<ApiResponse>;
}

/** Returns the route; the compiler infers the names of its parameters. */
export function route<
  const P extends string,
  const Q extends QueryParameters = Record<never, never>,
>(definition: Route<P, Q>): AnyRoute {
  return definition;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Keeps web pages from driving the API of a server that their visitor can reach: pages of other
 * sites by `Origin` and `Sec-Fetch-Site`, pages that rebind their own name to this address by the
 * `Host` that the browser then sends.
 * @module
 */
import { StatusCode } from "@denvoy/base";
import { isLoopbackHost } from "../../config/address.ts";
import type { HttpRequest } from "../server/message.ts";
import { HttpError } from "./http_error.ts";

/** By which names a server may be called. */
export interface BrowserGuardOptions {
  /** Names beside loopback names and IP addresses, lower-case, without port. */
  readonly hosts: ReadonlySet<string>;
}

/** What the guard looks at. */
export type GuardedRequest = Pick<HttpRequest, "host" | "headers" | "secure">;

/** @throws {HttpError} 403 for a request that a page of another site sent */
export function checkOrigin(request: GuardedRequest): void {
  const site = request.headers.get("sec-fetch-site");
  if (site !== undefined && site !== "same-origin" && site !== "none") {
    throw refuse("requests of other sites are refused (Sec-Fetch-Site)");
  }
  const origin = request.headers.get("origin");
  if (origin === undefined) return;
  const own = `${request.secure ? "https" : "http"}://${request.host}`.toLowerCase();
  if (origin.toLowerCase() !== own) throw refuse("requests of other sites are refused (Origin)");
}

/** @throws {HttpError} 421 for a name that is neither loopback, an IP address nor configured */
export function checkHost(request: GuardedRequest, options: BrowserGuardOptions): void {
  // Only HTTP/1.0 has no Host, and no browser speaks it.
  if (request.host === "") return;
  const name = hostName(request.host);
  // An IP address cannot be rebound: a page that uses it comes from this server.
  const known = name !== undefined &&
    (isLoopbackHost(name) || isIpAddress(name) || options.hosts.has(name));
  if (known) return;
  throw new HttpError(421, "unknown Host: allow the name with --http-host", {
    code: StatusCode.PERMISSION_DENIED,
  });
}

/** @throws {HttpError} 403 for a request that any browser page sent, its own origin included */
export function refuseBrowsers(request: GuardedRequest): void {
  if (request.headers.has("origin") || request.headers.has("sec-fetch-site")) {
    throw refuse("requests of browsers are refused here");
  }
}

/** The host without port and brackets, lower-case; undefined when it is malformed. */
function hostName(host: string): string | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9_.-]+))(?::\d{1,5})?$/.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

function isIpAddress(name: string): boolean {
  return name.includes(":") || /^\d{1,3}(\.\d{1,3}){3}$/.test(name);
}

function refuse(message: string): HttpError {
  return new HttpError(403, message, { code: StatusCode.PERMISSION_DENIED });
}

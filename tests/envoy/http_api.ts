// SPDX-License-Identifier: Apache-2.0
/**
 * The HTTP API of ads as a program uses it.
 * @module
 */
import type { DenvoyAds } from "../support/mod.ts";
import { fileText, type Resource } from "./resources.ts";

/** An answer of the API. */
export interface ApiAnswer {
  /** HTTP status. */
  readonly status: number;
  /** The body; an empty object when there is none. */
  // Bodies differ by route; tests pick from them.
  readonly body: Readonly<Record<string, unknown>>;
}

/** One call. */
export interface ApiCall {
  /** Its method. @default "GET" */
  readonly method?: "GET" | "PUT" | "POST" | "PATCH" | "DELETE";
  /** Its path and query, e.g. `/v1/nodes`. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
}

/** Makes a call and returns its answer whatever the status. */
export async function call(ads: DenvoyAds, { method, path, body }: ApiCall): Promise<ApiAnswer> {
  const response = await fetch(ads.httpUrl + path, {
    method: method ?? "GET",
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  return { status: response.status, body: isJson ? JSON.parse(text) : {} };
}

/** Makes a call that must succeed, and returns the body. */
export async function mustCall(ads: DenvoyAds, request: ApiCall): Promise<ApiAnswer["body"]> {
  const answer = await call(ads, request);
  if (answer.status >= 200 && answer.status < 300) return answer.body;
  const what = `${request.method ?? "GET"} ${request.path}`;
  throw new Error(`${what} must succeed: ${answer.status} ${JSON.stringify(answer.body)}`);
}

/** Writes resources as one change; `prune` deletes all others that the API wrote. */
export async function postApply(
  ads: DenvoyAds,
  resources: readonly Resource[],
  { prune = false, query = "" }: { readonly prune?: boolean; readonly query?: string } = {},
): Promise<ApiAnswer["body"]> {
  const path = `/v1/apply?prune=${prune}${query}`;
  return await mustCall(ads, { method: "POST", path, body: JSON.parse(fileText(resources)) });
}

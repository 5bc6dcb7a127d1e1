// SPDX-License-Identifier: Apache-2.0
/**
 * Finds the route of a method and path. Literal paths go before templates, templates with more
 * literal text before those with less, so the order of the table does not matter.
 * @module
 */
import { StatusCode } from "@denvoy/base";
import { HttpError } from "./http_error.ts";
import type { AnyRoute } from "./route.ts";

/** A route that was found, with the values of its path. */
export interface RouteMatch {
  /** The route. */
  readonly route: AnyRoute;
  /** Values by name, decoded. */
  readonly params: Readonly<Record<string, string>>;
}

interface Compiled {
  readonly route: AnyRoute;
  readonly pattern: RegExp;
  readonly names: readonly string[];
  readonly literalLength: number;
}

/** The routes of one server. */
export class Router {
  readonly #literal = new Map<string, AnyRoute[]>();
  readonly #templates: readonly Compiled[];

  /** @throws {TypeError} if two routes have the same method and path */
  constructor(routes: readonly AnyRoute[]) {
    const seen = new Set<string>();
    const templates: Compiled[] = [];
    for (const route of routes) {
      const key = `${route.method} ${route.path.replace(/\{[^}]+\}/g, "{}")}`;
      if (seen.has(key)) throw new TypeError(`Cannot add route as it must be new: "${key}"`);
      seen.add(key);
      if (route.path.includes("{")) templates.push(compile(route));
      else this.#literal.set(route.path, [...this.#literal.get(route.path) ?? [], route]);
    }
    this.#templates = templates.sort((a, b) => b.literalLength - a.literalLength);
  }

  /**
   * Returns the route of a request; `method` may be HEAD.
   * @throws {HttpError} 404, 405 with `allow`, or 400 for a path that cannot be decoded
   */
  match(method: string, path: string): RouteMatch {
    const wanted = method === "HEAD" ? "GET" : method;
    const allowed = new Set<string>();
    for (const candidate of this.#candidates(path)) {
      if (candidate.route.method === wanted) return candidate;
      allowed.add(candidate.route.method);
    }
    if (allowed.size === 0) {
      throw new HttpError(404, "no such path", { code: StatusCode.NOT_FOUND });
    }
    const allow = [...allowed, ...(allowed.has("GET") ? ["HEAD"] : [])].join(", ");
    throw new HttpError(405, `method must be one of ${allow}`, {
      code: StatusCode.UNIMPLEMENTED,
      headers: { allow },
    });
  }

  *#candidates(path: string): Generator<RouteMatch> {
    for (const route of this.#literal.get(path) ?? []) yield { route, params: {} };
    for (const { route, pattern, names } of this.#templates) {
      const found = pattern.exec(path);
      if (found === null) continue;
      const values = names.map((name, index) => [name, decode(found[index + 1] ?? "")] as const);
      yield { route, params: Object.fromEntries(values) };
    }
  }
}

function compile(route: AnyRoute): Compiled {
  const names: string[] = [];
  let literalLength = 0;
  const source = route.path.split(/(\{[^}]+\})/).map((part) => {
    if (!part.startsWith("{")) {
      literalLength += part.length;
      return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    }
    const rest = part.endsWith("...}");
    names.push(part.slice(1, rest ? -4 : -1));
    return rest ? "(.+)" : "([^/]+)";
  });
  return { route, pattern: new RegExp(`^${source.join("")}$`), names, literalLength };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new HttpError(400, "path must be percent-encoded UTF-8", {
      code: StatusCode.INVALID_ARGUMENT,
    });
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Decides whether a field list is a well-formed request or trailer section (RFC 9113 sections 8.2
 * and 8.3). What is not is malformed: its stream ends with PROTOCOL_ERROR.
 * @module
 */
import type { Field } from "./field.ts";

/** A well-formed request's header section. */
export interface RequestHead {
  /** `:method`. */
  readonly method: string;
  /** `:path`; empty for CONNECT. */
  readonly path: string;
  /** `:authority`, else `host`, else empty. */
  readonly authority: string;
  /** Octets that the body will have, if the request says so. */
  readonly contentLength: number | undefined;
  /** Everything but the pseudo-header fields, in order. */
  readonly fields: readonly Field[];
}

/** A well-formed head, or why it is malformed. */
export type HeadResult =
  | { readonly kind: "head"; readonly head: RequestHead }
  | { readonly kind: "malformed"; readonly reason: string };

interface Gathered {
  readonly pseudo: Map<string, string>;
  readonly regular: Field[];
  contentLength: number | undefined;
  host: string | undefined;
}

/** Reads the header section that opens a request. */
export function readRequestHead(fields: readonly Field[]): HeadResult {
  const gathered: Gathered = {
    pseudo: new Map(),
    regular: [],
    contentLength: undefined,
    host: undefined,
  };
  for (const field of fields) {
    const reason = gather(field, gathered);
    if (reason !== undefined) return { kind: "malformed", reason };
  }
  const reason = pseudoProblem(gathered.pseudo);
  if (reason !== undefined) return { kind: "malformed", reason };
  const head = {
    method: gathered.pseudo.get(":method") ?? "",
    path: gathered.pseudo.get(":path") ?? "",
    authority: gathered.pseudo.get(":authority") ?? gathered.host ?? "",
    contentLength: gathered.contentLength,
    fields: gathered.regular,
  };
  return { kind: "head", head };
}

/** Returns why a trailer section is malformed, or undefined (section 8.1). */
export function trailersProblem(fields: readonly Field[]): string | undefined {
  for (const field of fields) {
    if (field.problem !== undefined) return field.problem;
    if (isPseudo(field)) return "pseudo-header field in trailers";
  }
  return undefined;
}

function isPseudo(field: Field): boolean {
  return field.name.charCodeAt(0) === 0x3a;
}

function gather(field: Field, gathered: Gathered): string | undefined {
  if (field.problem !== undefined) return field.problem;
  if (isPseudo(field)) return gatherPseudo(field, gathered);
  gathered.regular.push(field);
  switch (field.name) {
    case "te":
      return field.value === "trailers" ? undefined : "te is something else than trailers";
    case "content-length":
      return gatherContentLength(field.value, gathered);
    case "host":
      gathered.host ??= field.value;
      return undefined;
    default:
      return undefined;
  }
}

const REQUEST_PSEUDO: ReadonlySet<string> = new Set([
  ":method",
  ":scheme",
  ":authority",
  ":path",
]);

function gatherPseudo(field: Field, { pseudo, regular }: Gathered): string | undefined {
  if (!REQUEST_PSEUDO.has(field.name)) return "unknown pseudo-header field";
  if (regular.length > 0) return "pseudo-header field after a regular one";
  if (pseudo.has(field.name)) return "pseudo-header field twice";
  pseudo.set(field.name, field.value);
  return undefined;
}

function gatherContentLength(value: string, gathered: Gathered): string | undefined {
  if (!/^[0-9]{1,15}$/.test(value)) return "content-length is not a number";
  const length = Number(value);
  if (gathered.contentLength !== undefined && gathered.contentLength !== length) {
    return "two different content-lengths";
  }
  gathered.contentLength = length;
  return undefined;
}

function pseudoProblem(pseudo: ReadonlyMap<string, string>): string | undefined {
  const method = pseudo.get(":method");
  if (method === undefined || method === "") return "no :method";
  if (method === "CONNECT") {
    if (pseudo.has(":scheme") || pseudo.has(":path")) return "CONNECT with :scheme or :path";
    return pseudo.has(":authority") ? undefined : "CONNECT without :authority";
  }
  if (!pseudo.has(":scheme")) return "no :scheme";
  const path = pseudo.get(":path");
  if (path === undefined || path === "") return "no :path";
  if (path.charCodeAt(0) !== 0x2f && !(path === "*" && method === "OPTIONS")) {
    return ":path does not start with a slash";
  }
  return undefined;
}

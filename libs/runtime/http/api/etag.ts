// SPDX-License-Identifier: Apache-2.0
/**
 * Entity tags and the preconditions that are built on them (RFC 9110, 13).
 * @module
 */
import { StatusCode } from "@denvoy/base";
import type { HeaderMap } from "../server/request_head.ts";
import { HttpError } from "./http_error.ts";

/** Returns the strong entity tag of a version; characters that no tag may hold become `_`. */
export function entityTag(version: string): string {
  return `"${version.replace(/[^\u0021\u0023-\u007e]/g, "_")}"`;
}

/**
 * Checks `If-Match` and `If-None-Match: *` of a write against the tag of what is stored now,
 * undefined when nothing is. Without such a header every write passes.
 *
 * @throws {HttpError} 412 when somebody else was faster
 */
export function checkWritePreconditions(headers: HeaderMap, current: string | undefined): void {
  const match = headers.get("if-match");
  if (match !== undefined && !matches(match, current, "strong")) {
    const now = current ?? "that nothing is stored";
    throw failed(`cannot write as If-Match must name the current version: it is ${now}`, current);
  }
  const noneMatch = headers.get("if-none-match");
  if (noneMatch !== undefined && matches(noneMatch, current, "weak")) {
    throw failed("cannot write as If-None-Match forbids it: the resource is there", current);
  }
}

/** Tells whether a read can be answered with 304: `If-None-Match` names the current tag. */
export function isNotModified(headers: HeaderMap, current: string): boolean {
  const noneMatch = headers.get("if-none-match");
  return noneMatch !== undefined && matches(noneMatch, current, "weak");
}

function matches(header: string, current: string | undefined, kind: "strong" | "weak"): boolean {
  if (current === undefined) return false;
  if (header.trim() === "*") return true;
  const tags = header.match(/(W\/)?"[^"]*"/g) ?? [];
  return tags.some((tag) => (kind === "weak" ? tag.replace(/^W\//, "") : tag) === current);
}

function failed(message: string, current: string | undefined): HttpError {
  const headers = current === undefined ? {} : { etag: current };
  return new HttpError(412, message, { code: StatusCode.FAILED_PRECONDITION, headers });
}

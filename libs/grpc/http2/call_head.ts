// SPDX-License-Identifier: Apache-2.0
/**
 * Decides by a request's header section what becomes of it: a call of a method, or a refusal, which
 * is one of HTTP's where the request is not gRPC's (gRPC over HTTP/2, "Requests").
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import type { MethodImplementation } from "../port.ts";
import { type MessageEncoding, messageEncoding } from "./compression.ts";
import type { Field } from "./field.ts";
import { parseTimeout } from "./grpc_timeout.ts";
import { encodeStateless } from "./hpack_encoder.ts";
import type { RequestHead } from "./request_head.ts";
import { trailersOnlyBlock } from "./response_blocks.ts";

/** What becomes of a request. Shared by all requests with the same head. */
export type CallHead =
  | {
    readonly kind: "call";
    /** What answers. */
    readonly method: MethodImplementation;
    /** Time that the client gives, in ms. */
    readonly timeoutMs: number | undefined;
    /** How compressed messages of the request are compressed. */
    readonly encoding: MessageEncoding;
    /** All header fields but the pseudo-header ones. */
    readonly fields: readonly Field[];
  }
  | { readonly kind: "refusal"; readonly refusal: Refusal };

/** A whole response that says no. */
export interface Refusal {
  /** Header block. */
  readonly headers: Uint8Array;
  /** Words for who asks with curl; empty for a gRPC client. */
  readonly body: Uint8Array;
}

/** Methods by path, `/<service>/<method>`. */
export type Routes = ReadonlyMap<string, MethodImplementation>;

const REFUSED_TYPE = httpRefusal(415, "content-type must be application/grpc\n");
const REFUSED_METHOD = httpRefusal(405, "method must be POST\n");

/** The answer to a header list beyond the limit (RFC 6585 section 5). */
export const REFUSED_HEAD: Refusal = {
  headers: encodeStateless([
    [":status", "431"],
    ["content-type", "application/grpc"],
    ["grpc-status", String(StatusCode.RESOURCE_EXHAUSTED)],
    ["grpc-message", "header list is too large"],
  ]),
  body: new Uint8Array(0),
};

/** Reads a head. */
export function readCallHead(head: RequestHead, routes: Routes): CallHead {
  if (!isGrpc(valueOf(head.fields, "content-type"))) {
    return { kind: "refusal", refusal: REFUSED_TYPE };
  }
  if (head.method !== "POST") return { kind: "refusal", refusal: REFUSED_METHOD };
  const method = routes.get(head.path);
  if (method === undefined) return refuse(StatusCode.UNIMPLEMENTED, "unknown method");
  const encodingName = valueOf(head.fields, "grpc-encoding") ?? "identity";
  const encoding = messageEncoding(encodingName);
  if (encoding === undefined) {
    return refuse(StatusCode.UNIMPLEMENTED, `unsupported grpc-encoding: ${encodingName}`);
  }
  const timeout = valueOf(head.fields, "grpc-timeout");
  const timeoutMs = timeout === undefined ? undefined : parseTimeout(timeout);
  if (timeout !== undefined && timeoutMs === undefined) {
    return refuse(StatusCode.INTERNAL, `malformed grpc-timeout: ${timeout}`);
  }
  return { kind: "call", method, timeoutMs, encoding, fields: head.fields };
}

function isGrpc(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(?:$|[+;])/i.test(contentType);
}

function valueOf(fields: readonly Field[], name: string): string | undefined {
  for (const field of fields) if (field.name === name) return field.value;
  return undefined;
}

function refuse(code: StatusCode, message: string): CallHead {
  const headers = trailersOnlyBlock(new StatusError(code, message));
  return { kind: "refusal", refusal: { headers, body: new Uint8Array(0) } };
}

function httpRefusal(status: number, words: string): Refusal {
  const body = new TextEncoder().encode(words);
  const headers = encodeStateless([
    [":status", String(status)],
    ["content-type", "text/plain; charset=utf-8"],
    ["content-length", String(body.byteLength)],
  ]);
  return { headers, body };
}

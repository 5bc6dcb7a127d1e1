// SPDX-License-Identifier: Apache-2.0
/**
 * What a route answers.
 * @module
 */

/** One event of a watch. */
export interface WatchEvent {
  /** What happened, e.g. `put`; the SSE event name. */
  readonly event: string;
  /** Where to resume, e.g. a revision; the SSE id. */
  readonly id?: string;
  /** What it is about: JSON. */
  readonly data: unknown;
}

/** Status and headers of an answer. */
export interface ResponseOptions {
  /** HTTP status. @default 200, or 204 without a body */
  readonly status?: number;
  /** More headers. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * An answer; made by {@linkcode json}, {@linkcode text}, {@linkcode bytes}, {@linkcode stream},
 * {@linkcode empty}, {@linkcode events}.
 */
export type ApiResponse =
  & { readonly status: number; readonly headers: Readonly<Record<string, string>> }
  & (
    | { readonly kind: "bytes"; readonly bytes: Uint8Array; readonly type: string }
    | { readonly kind: "empty" }
    | { readonly kind: "events"; readonly events: AsyncIterable<WatchEvent> }
    | { readonly kind: "stream"; readonly chunks: AsyncIterable<Uint8Array>; readonly type: string }
  );

const encoder = new TextEncoder();

/** Answers with JSON. */
export function json(value: unknown, options: ResponseOptions = {}): ApiResponse {
  const encoded = encoder.encode(JSON.stringify(value) + "\n");
  return bytes(encoded, { ...options, type: "application/json" });
}

/** Answers with text. */
export function text(
  value: string,
  options: ResponseOptions & { readonly type?: string } = {},
): ApiResponse {
  return bytes(encoder.encode(value), { type: "text/plain; charset=utf-8", ...options });
}

/** Answers with bytes of a media type. */
export function bytes(
  value: Uint8Array,
  options: ResponseOptions & { readonly type: string },
): ApiResponse {
  const { status = 200, headers = {}, type } = options;
  return { kind: "bytes", bytes: value, type, status, headers };
}

/**
 * Answers with bytes in parts, for what is too large to be held at once. The next part is asked for
 * when the client has taken the one before; the iteration is ended (`return`) when the client goes.
 */
export function stream(
  chunks: AsyncIterable<Uint8Array>,
  options: ResponseOptions & { readonly type: string },
): ApiResponse {
  const { status = 200, headers = {}, type } = options;
  return { kind: "stream", chunks, type, status, headers };
}

/** Answers without a body: 204, or e.g. 304. */
export function empty(options: ResponseOptions = {}): ApiResponse {
  return { kind: "empty", status: options.status ?? 204, headers: options.headers ?? {} };
}

/**
 * Answers with events as they come: Server-Sent Events when the client accepts
 * `text/event-stream`, else one JSON object a line. The iteration is ended (`return`) when the
 * client goes or the server drains.
 */
export function events(
  stream: AsyncIterable<WatchEvent>,
  options: ResponseOptions = {},
): ApiResponse {
  return {
    kind: "events",
    events: stream,
    status: options.status ?? 200,
    headers: options.headers ?? {},
  };
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Bytes of a response's head and of chunks.
 * @module
 */
import type { HttpResponse } from "./message.ts";

/** How the end of a body is told: its length, chunks, or the end of the connection. */
export type ResponseFraming = number | "chunked" | "close";

/** What the server adds to a response. */
export interface ResponseHeadOptions {
  /** How the end of the body is told. */
  readonly framing: ResponseFraming;
  /** Whether another request may follow. */
  readonly keepAlive: boolean;
  /** Moment of the answer. */
  readonly dateMs: number;
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  417: "Expectation Failed",
  421: "Misdirected Request",
  428: "Precondition Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  499: "Client Closed Request",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

const encoder = new TextEncoder();

/** The chunk that ends a body. */
export const LAST_CHUNK: Uint8Array = encoder.encode("0\r\n\r\n");

/** Returns the head with its blank line. Headers that could split it are left out. */
export function responseHead(
  response: Pick<HttpResponse, "status" | "headers">,
  options: ResponseHeadOptions,
): Uint8Array {
  const { status } = response;
  const lines = [`HTTP/1.1 ${status} ${REASONS[status] ?? "Status"}`];
  for (const [name, value] of Object.entries(response.headers)) {
    if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && /^[\t\u0020-\u007e]*$/.test(value)) {
      lines.push(`${name}: ${value}`);
    }
  }
  lines.push(`date: ${new Date(options.dateMs).toUTCString()}`);
  if (options.framing === "chunked") lines.push("transfer-encoding: chunked");
  else if (options.framing !== "close" && status !== 204 && status !== 304) {
    lines.push(`content-length: ${options.framing}`);
  }
  if (!options.keepAlive) lines.push("connection: close");
  return encoder.encode(`${lines.join("\r\n")}\r\n\r\n`);
}

/** Returns one chunk around `bytes`, which are not empty. */
export function chunk(bytes: Uint8Array): Uint8Array {
  const size = encoder.encode(`${bytes.length.toString(16)}\r\n`);
  const framed = new Uint8Array(size.length + bytes.length + 2);
  framed.set(size);
  framed.set(bytes, size.length);
  framed.set([13, 10], size.length + bytes.length);
  return framed;
}

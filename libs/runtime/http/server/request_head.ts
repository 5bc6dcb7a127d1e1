// SPDX-License-Identifier: Apache-2.0
/**
 * Parses the head of an HTTP/1.x request (RFC 9112), strictly: whatever two parsers could read
 * differently is refused, so that nothing can be smuggled past a proxy in front.
 * @module
 */

/** Headers by lower-case name; repeated ones are joined with a comma. */
export type HeaderMap = ReadonlyMap<string, string>;

/** How the length of a body is known. */
export type BodyFraming =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" };

/** The head of a request. */
export interface RequestHead {
  /** The method as sent. */
  readonly method: string;
  /** Path and query as sent, starting with a slash; or `*`. */
  readonly target: string;
  /** Name and port by which the client called, as sent. */
  readonly host: string;
  /** All headers. */
  readonly headers: HeaderMap;
  /** Where the body ends. */
  readonly framing: BodyFraming;
  /** Whether the connection may be used again after this request. */
  readonly keepAlive: boolean;
  /** HTTP/1.0 clients cannot read chunked responses. */
  readonly version: "1.0" | "1.1";
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
}

/** Why a head cannot be served, with the status that says so. */
export class BadRequest extends Error {
  /** HTTP status to answer with. */
  readonly status: number;

  /** `message` is for the client. */
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Largest head in bytes. */
export const MAX_HEAD_BYTES = 16_384;
const MAX_HEADERS = 100;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const SINGLE = new Set(["host", "content-length", "transfer-encoding", "authorization", "origin"]);
const latin1 = new TextDecoder("latin1");

/** Returns the offset just after the blank line that ends a head, or -1 while it is not there. */
export function findHeadEnd(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(13, Math.max(0, from - 3)); at >= 0; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at + 4;
  }
  return -1;
}

/** Parses a head including its blank line. @throws {BadRequest} on anything but a clean request */
export function parseHead(bytes: Uint8Array): RequestHead {
  const [requestLine = "", ...lines] = latin1.decode(bytes.subarray(0, -4)).split("\r\n");
  const match = /^(\S+) (\S+) HTTP\/(\d)\.(\d)$/.exec(requestLine);
  const [, method = "", rawTarget = "", major, minor] = match ?? [];
  if (match === null || !TOKEN.test(method)) throw new BadRequest(400, "malformed request line");
  if (major !== "1") throw new BadRequest(505, "only HTTP/1.1 and HTTP/1.0 are spoken");
  const version = minor === "0" ? "1.0" : "1.1";
  const headers = parseHeaders(lines);
  const { target, host } = parseTarget(rawTarget, headers, version);
  const connection = (headers.get("connection") ?? "").toLowerCase().split(",").map((t) =>
    t.trim()
  );
  const keepAlive = version === "1.1" ? !connection.includes("close") : false;
  const framing = parseFraming(headers, version);
  const expectsContinue = parseExpect(headers, version);
  return { method, target, host, headers, framing, keepAlive, version, expectsContinue };
}

function parseHeaders(lines: readonly string[]): HeaderMap {
  if (lines.length > MAX_HEADERS) throw new BadRequest(431, `more than ${MAX_HEADERS} headers`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
    if (colon < 1 || !TOKEN.test(name)) throw new BadRequest(400, "malformed header");
    if (/[^\t\u0020-\u007e\u0080-\u00ff]/.test(value)) {
      throw new BadRequest(400, `control character in header "${name}"`);
    }
    const before = headers.get(name);
    if (before !== undefined && SINGLE.has(name)) {
      throw new BadRequest(400, `two "${name}" headers`);
    }
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

function parseTarget(
  raw: string,
  headers: HeaderMap,
  version: string,
): { readonly target: string; readonly host: string } {
  const header = headers.get("host");
  if (header === undefined && version === "1.1") throw new BadRequest(400, `no "host" header`);
  const printable = /^[\u0021-\u007e]+$/.test(raw);
  if (printable && (raw.startsWith("/") || raw === "*")) return { target: raw, host: header ?? "" };
  // A proxy sends the absolute form; its host then counts (RFC 9112, 3.2.2).
  const absolute = printable ? /^https?:\/\/([^/?#@]+)(\/[^#]*)?$/i.exec(raw) : null;
  if (absolute === null) throw new BadRequest(400, "malformed request target");
  return { target: absolute[2] ?? "/", host: absolute[1] ?? "" };
}

function parseFraming(headers: HeaderMap, version: string): BodyFraming {
  const encoding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (encoding !== undefined) {
    if (length !== undefined) throw new BadRequest(400, "two ways to tell the body's length");
    if (version === "1.0") throw new BadRequest(400, "transfer-encoding in HTTP/1.0");
    if (encoding.toLowerCase() !== "chunked") {
      throw new BadRequest(501, "unknown transfer-encoding");
    }
    return { kind: "chunked" };
  }
  if (length === undefined) return { kind: "none" };
  if (!/^\d{1,15}$/.test(length)) throw new BadRequest(400, "malformed content-length");
  return length === "0" ? { kind: "none" } : { kind: "length", bytes: Number(length) };
}

function parseExpect(headers: HeaderMap, version: string): boolean {
  const expect = headers.get("expect");
  if (expect === undefined || version === "1.0") return false;
  if (expect.toLowerCase() !== "100-continue") throw new BadRequest(417, "unknown expectation");
  return true;
}

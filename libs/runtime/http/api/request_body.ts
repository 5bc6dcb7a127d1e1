// SPDX-License-Identifier: Apache-2.0
/**
 * Reads bodies within limits: one per request, and one for all requests together, so that many
 * clients cannot add up to more memory than the service has.
 * @module
 */
import { StatusCode } from "@denvoy/base";
import type { HttpRequest } from "../server/message.ts";
import { HttpError } from "./http_error.ts";
import type { RouteBody } from "./route.ts";

/** Largest body of a route that sets no limit. */
export const DEFAULT_MAX_BODY_BYTES = 4 * 2 ** 20;

/** Bytes of bodies that may be held at once. */
export class BodyBudget {
  readonly #maxBytes: number;
  #held = 0;

  /** @default 64 MiB */
  constructor(maxBytes: number = 64 * 2 ** 20) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that are held now. */
  get held(): number {
    return this.#held;
  }

  /** Takes bytes; they are given back with {@linkcode give}. @throws {HttpError} 503 when there are none left */
  take(bytes: number): void {
    if (this.#held + bytes > this.#maxBytes) {
      throw new HttpError(503, "too many bodies at once: try again", {
        code: StatusCode.RESOURCE_EXHAUSTED,
        headers: { "retry-after": "1" },
      });
    }
    this.#held += bytes;
  }

  /** Gives bytes back. */
  give(bytes: number): void {
    this.#held -= bytes;
  }
}

/** The body of one request, read when a handler asks for it. */
export class BodyReader {
  readonly #request: HttpRequest;
  readonly #body: RouteBody | undefined;
  readonly #budget: BodyBudget;
  #held = 0;
  #bytes: Promise<Uint8Array> | undefined;

  /** `body` is what the route declares. */
  constructor(
    request: HttpRequest,
    options: { readonly body: RouteBody | undefined; readonly budget: BodyBudget },
  ) {
    this.#request = request;
    this.#body = options.body;
    this.#budget = options.budget;
  }

  /** The whole body; a second call returns the same. */
  bytes(): Promise<Uint8Array> {
    this.#bytes ??= this.#read();
    return this.#bytes;
  }

  /** The body as text. Rejects with 400 unless it is UTF-8. */
  async text(): Promise<string> {
    const bytes = await this.bytes();
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      throw invalid("body must be UTF-8");
    }
  }

  /** The body as JSON. Rejects with 400 unless it is JSON. */
  async json(): Promise<unknown> {
    const text = await this.text();
    try {
      return JSON.parse(text);
    } catch (error) {
      // The engine quotes the text around the fault, which may be a secret.
      const place = /line (\d+) column (\d+)/.exec(error instanceof Error ? error.message : "");
      const where = place === null ? "" : ` at line ${place[1]}, column ${place[2]}`;
      throw invalid(`body must be JSON: is not${where}`);
    }
  }

  /** Gives the budget back what the body held. */
  release(): void {
    this.#budget.give(this.#held);
    this.#held = 0;
  }

  async #read(): Promise<Uint8Array> {
    if (this.#body === undefined) {
      throw new TypeError("Cannot read body as the route declares none");
    }
    this.#checkType(this.#body);
    const { maxBytes = DEFAULT_MAX_BODY_BYTES } = this.#body;
    if (Number(this.#request.headers.get("content-length") ?? 0) > maxBytes) {
      throw tooLarge(maxBytes);
    }
    const parts: Uint8Array[] = [];
    for await (const part of this.#request.body) {
      if (this.#held + part.length > maxBytes) throw tooLarge(maxBytes);
      this.#budget.take(part.length);
      this.#held += part.length;
      parts.push(part);
    }
    return join(parts, this.#held);
  }

  /** A form that a web page sends without asking first cannot have one of these types. */
  #checkType(body: RouteBody): void {
    const { types = ["application/json"] } = body;
    const given = this.#request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
    if (given === undefined || types.includes(given)) return;
    // What curl sends with -d unless told otherwise; pages that send it are refused by their origin.
    if (given === "application/x-www-form-urlencoded") return;
    throw new HttpError(415, `content-type must be one of ${types.join(", ")}`, {
      code: StatusCode.INVALID_ARGUMENT,
    });
  }
}

function join(parts: readonly Uint8Array[], size: number): Uint8Array {
  const joined = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, `body must be at most ${maxBytes} bytes`, {
    code: StatusCode.RESOURCE_EXHAUSTED,
  });
}

function invalid(message: string): HttpError {
  return new HttpError(400, message, { code: StatusCode.INVALID_ARGUMENT });
}

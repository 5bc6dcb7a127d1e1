// SPDX-License-Identifier: Apache-2.0
/**
 * Who sent a request: a bearer token or a verified client certificate.
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { StatusCode } from "@denvoy/base";
import type { HttpRequest } from "../server/message.ts";
import { HttpError } from "./http_error.ts";
import type { Principal } from "./route.ts";

/** A token, kept as its hash, with the name of where it came from. */
interface KnownToken {
  readonly name: string;
  readonly digest: Uint8Array;
}

/** The tokens that may use the API. They are kept as hashes and compared in constant time. */
export class TokenSet {
  readonly #tokens: readonly KnownToken[];

  /** `tokens` are pairs of a name for people and the token. */
  constructor(tokens: Iterable<readonly [name: string, token: string]>) {
    this.#tokens = Array.from(tokens, ([name, token]) => ({ name, digest: digestOf(token) }));
  }

  /** Returns the name of a token, undefined when it is unknown. */
  find(token: string): string | undefined {
    const digest = digestOf(token);
    let found: string | undefined;
    // All are compared, so that the time does not tell which one was near.
    for (const known of this.#tokens) {
      if (timingSafeEqual(known.digest, digest)) found = known.name;
    }
    return found;
  }
}

/** What a server asks of its clients. */
export interface AuthenticationOptions {
  /** The tokens of this moment; undefined when tokens are not used. */
  readonly tokens: () => TokenSet | undefined;
  /** Whether a verified client certificate is accepted. */
  readonly certificates: boolean;
}

/**
 * Returns who sent the request, `anonymous` when it shows nothing or nothing is asked for.
 * @throws {HttpError} 401 for a token that is unknown
 */
export function identify(
  request: Pick<HttpRequest, "headers" | "certificate" | "peerAddress">,
  options: AuthenticationOptions,
): Principal {
  const tokens = options.tokens();
  const authorization = request.headers.get("authorization");
  if (tokens !== undefined && authorization !== undefined) {
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    const name = token === undefined ? undefined : tokens.find(token);
    if (name === undefined) throw unauthenticated("the bearer token is unknown");
    return { kind: "token", name };
  }
  const { certificate } = request;
  if (options.certificates && certificate !== undefined) {
    const name = certificate.uriSans[0] ??
      (certificate.subject || `sha256:${certificate.fingerprint}`);
    return { kind: "certificate", name };
  }
  return { kind: "anonymous", name: request.peerAddress };
}

/** Tells whether clients must say who they are. */
export function asksForIdentity(options: AuthenticationOptions): boolean {
  return options.certificates || options.tokens() !== undefined;
}

/** Returns the 401 that asks for a token. */
export function unauthenticated(message: string): HttpError {
  return new HttpError(401, message, {
    code: StatusCode.UNAUTHENTICATED,
    headers: { "www-authenticate": "Bearer" },
  });
}

function digestOf(token: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(token).digest());
}

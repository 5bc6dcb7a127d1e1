// SPDX-License-Identifier: Apache-2.0
/**
 * Who sent a request, and whether that is one who may use the API: the bearer of a token, or a client
 * certificate of an administrator. A certificate proves who calls, not what the caller may do: on the
 * same roots stand the certificates of every workload.
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { type RevokedCertificates, StatusCode, type TextPattern } from "@denvoy/base";
import type { PeerCertificate } from "../server/byte_stream.ts";
import type { HttpRequest } from "../server/message.ts";
import { HttpError } from "./http_error.ts";
import type { AnyRoute, Principal } from "./route.ts";

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
  /** Whether client certificates are asked for. */
  readonly certificates: boolean;
  /** Whose client certificates may use the API; nobody's when there are none. */
  readonly admins: readonly TextPattern[];
  /** The client certificates that are revoked at this moment. @default none */
  readonly revoked?: () => RevokedCertificates | undefined;
}

/** What a request shows of its sender. */
export type Credentials = Pick<HttpRequest, "headers" | "certificate" | "peerAddress">;

/**
 * Returns who sent a request for a route that this sender may use. The principal is `anonymous` where
 * nothing is asked for, and on routes that do not need an administrator when the sender is none.
 * @throws {HttpError} 401 when nothing was shown, the token is unknown or the certificate revoked, 403
 * for a certificate that is not an administrator's
 */
export function authenticate(
  request: Credentials,
  { access }: Pick<AnyRoute, "access">,
  options: AuthenticationOptions,
): Principal {
  checkRevoked(request, options);
  const authorization = request.headers.get("authorization");
  const token = tokenPrincipal(authorization, options);
  if (token !== undefined) return token;
  const certificate = options.certificates ? request.certificate : undefined;
  const anonymous: Principal = { kind: "anonymous", name: request.peerAddress };
  // The header may be for whoever answers: an open route judges by itself what it is shown.
  if (access === "open") return administrator(certificate, options) ?? anonymous;
  if (authorization !== undefined && options.tokens() !== undefined) {
    throw unauthenticated("the bearer token is unknown");
  }
  const admin = administrator(certificate, options);
  if (admin !== undefined) return admin;
  if (!asksForIdentity(options)) return anonymous;
  if (certificate === undefined) {
    throw unauthenticated("a bearer token or client certificate is needed");
  }
  if (access === "mesh") return anonymous;
  throw notAdministrator(certificate);
}

/** Tells whether clients must say who they are. */
export function asksForIdentity(options: AuthenticationOptions): boolean {
  return options.certificates || options.tokens() !== undefined;
}

/** Whatever else it shows: nobody but the thief of its key may still use a revoked certificate. */
function checkRevoked({ certificate }: Credentials, { revoked }: AuthenticationOptions): void {
  const id = certificate?.id;
  if (id === undefined || revoked?.()?.has(id) !== true) return;
  throw unauthenticated(`the client certificate ${id.serial} is revoked`);
}

function tokenPrincipal(
  authorization: string | undefined,
  options: AuthenticationOptions,
): Principal | undefined {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  const name = token === undefined ? undefined : options.tokens()?.find(token);
  return name === undefined ? undefined : { kind: "token", name };
}

function administrator(
  certificate: PeerCertificate | undefined,
  { admins }: AuthenticationOptions,
): Principal | undefined {
  if (certificate === undefined) return undefined;
  const name = namesOf(certificate).find((san) => admins.some((admin) => admin.matches(san)));
  return name === undefined ? undefined : { kind: "certificate", name };
}

/** DNS names count only where there is no URI: a workload's may be chosen more freely than its URI. */
function namesOf({ uriSans, dnsSans }: PeerCertificate): readonly string[] {
  return uriSans.length > 0 ? uriSans : dnsSans;
}

function unauthenticated(message: string): HttpError {
  return new HttpError(401, message, {
    code: StatusCode.UNAUTHENTICATED,
    headers: { "www-authenticate": "Bearer" },
  });
}

function notAdministrator(certificate: PeerCertificate): HttpError {
  const names = namesOf(certificate).map((name) => `"${name}"`).join(", ");
  const message =
    "the client certificate must be of an administrator that --http-admin names, or " +
    `a bearer token must be shown: it is of ${names || "nobody, as it has no URI or DNS name"}`;
  return new HttpError(403, message, { code: StatusCode.PERMISSION_DENIED });
}

function digestOf(token: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(token).digest());
}

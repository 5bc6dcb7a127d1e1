// SPDX-License-Identifier: Apache-2.0
/**
 * Who a caller is, from what its connection and its headers prove. What proves nothing is refused.
 * @module
 */
import { type CertificateId, StatusCode, StatusError } from "@denvoy/base";
import { askedOnBehalfOf } from "@denvoy/discovery";
import type { Metadata, Peer } from "@denvoy/grpc";
import type { Node } from "@denvoy/proto/messages";
import type { AccessPolicy } from "../domain/access_policy.ts";
import type { AccessTokens } from "../domain/access_tokens.ts";
import { type Caller, identityProblem } from "../domain/caller.ts";
import type { JwtVerifier } from "../domain/key_importer.ts";
import { parseSpiffeId } from "../domain/spiffe_id.ts";

/** What a caller shows. */
export interface Credentials {
  /** The other end of its connection. */
  readonly peer: Peer;
  /** Headers of the call. */
  readonly metadata: Metadata;
  /** What it says of itself; believed only where nothing need be proven. */
  readonly node: Node | undefined;
}

/** What identities are found out with. */
export interface IdentityParts {
  /** The policy that applies now. */
  readonly policy: () => AccessPolicy;
  /** Tokens of nodes. */
  readonly tokens: Pick<AccessTokens, "identify">;
  /** Returns whom a token of the token file makes its bearer. */
  readonly knownToken: (token: string) => string | undefined;
  /** Checks JWTs; absent where none are taken. */
  readonly jwt: JwtVerifier | undefined;
  /** Identities by the path of the unix socket that a caller came through. */
  readonly sockets: ReadonlyMap<string, string>;
  /** Tells whether a certificate is known to be revoked. */
  readonly isRevoked: (certificate: CertificateId) => boolean;
  /** Believes callers that prove nothing. */
  readonly allowUnauthenticated: boolean;
  /** The trust domain of the CA. */
  readonly trustDomain: string;
}

/** Finds out who callers are. */
export class CallerIdentity {
  readonly #parts: IdentityParts;

  /** See {@linkcode IdentityParts}. */
  constructor(parts: IdentityParts) {
    this.#parts = parts;
  }

  /**
   * Returns who calls.
   * @throws StatusError UNAUTHENTICATED without a proof, or with one that is worth nothing;
   * PERMISSION_DENIED for one that asks on behalf of others and may not
   */
  identify(credentials: Credentials): Caller {
    const own = believable(this.#own(credentials));
    const asked = askedOnBehalfOf(credentials.metadata);
    if (asked === undefined) return own;
    const { identities, certificate } = asked;
    const [identity] = identities;
    const mayVouch = own.proof === "certificate" && this.#parts.policy().mayVouch(own.identity);
    if (!mayVouch) {
      throw denied(`"${own.identity}" may not ask on behalf of others`);
    }
    if (identity === undefined || identities.length > 1) {
      throw denied("a caller that another asks for must have one identity");
    }
    if (certificate === undefined) {
      throw denied("a caller that another asks for must be named with its certificate");
    }
    this.#checkRevoked(certificate, ` of "${identity}"`);
    return believable({ ...own, identity, through: own.identity, certificate });
  }

  #own(credentials: Credentials): Caller {
    const { peer, metadata } = credentials;
    this.#checkRevoked(peer.certificate);
    const token = bearerToken(metadata);
    if (token !== undefined) return this.#ofToken(token);
    const named = nameOf(peer);
    if (named !== undefined) return { identity: named, proof: "certificate" };
    const socket = peer.address.startsWith("unix:")
      ? this.#parts.sockets.get(peer.address.slice("unix:".length))
      : undefined;
    if (socket !== undefined) return { identity: socket, proof: "socket" };
    if (this.#parts.allowUnauthenticated) return this.#claimed(credentials);
    throw unauthenticated("a client certificate, a token or a socket of its own is needed");
  }

  /** Whatever else it shows: nobody but the thief of its key may still use a revoked certificate. */
  #checkRevoked(certificate: CertificateId | undefined, whose = ""): void {
    if (certificate === undefined || !this.#parts.isRevoked(certificate)) return;
    throw unauthenticated(`the client certificate ${certificate.serial}${whose} is revoked`);
  }

  #ofToken(token: string): Caller {
    const known = this.#parts.tokens.identify(token) ?? this.#parts.knownToken(token);
    const named = typeof known === "string" ? { identity: known } : known;
    if (named !== undefined) return { ...named, proof: "token" };
    const { jwt } = this.#parts;
    if (jwt !== undefined && token.split(".").length === 3) {
      return { ...jwt.verify(token), proof: "jwt" };
    }
    throw unauthenticated("the bearer token is unknown");
  }

  /** A node that proves nothing is taken for the workload that its cluster names. */
  #claimed({ node }: Credentials): Caller {
    const id = `spiffe://${this.#parts.trustDomain}/${node?.cluster || node?.id || "anonymous"}`;
    const { ok } = parseSpiffeId(id);
    const fallback = `spiffe://${this.#parts.trustDomain}/anonymous`;
    return { identity: ok ? id : fallback, proof: "none" };
  }
}

/** Whoever proved it: a name that is none proves nothing. */
function believable(caller: Caller): Caller {
  const problem = identityProblem(caller.identity);
  if (problem === undefined) return caller;
  throw unauthenticated(`the identity by ${caller.proof} proves nothing: ${problem}`);
}

/** A DNS name counts where there is no URI, and cannot pose as one. */
function nameOf({ uriSans, dnsSans }: Peer): string | undefined {
  if (uriSans.length > 1) {
    throw unauthenticated(`the client certificate must have one URI SAN: has ${uriSans.length}`);
  }
  if (uriSans[0] !== undefined) return uriSans[0];
  const [name] = dnsSans;
  if (name === undefined || !/[:/]/.test(name)) return name;
  throw unauthenticated(`a DNS SAN must not be a URI: is ${JSON.stringify(name)}`);
}

function bearerToken(metadata: Metadata): string | undefined {
  const [header] = metadata.get("authorization") ?? [];
  if (typeof header !== "string") return undefined;
  const token = /^Bearer +(\S+)$/i.exec(header)?.[1];
  if (token !== undefined) return token;
  throw unauthenticated("the authorization header must be a bearer token");
}

function unauthenticated(message: string): StatusError {
  return new StatusError(StatusCode.UNAUTHENTICATED, message);
}

function denied(message: string): StatusError {
  return new StatusError(StatusCode.PERMISSION_DENIED, message);
}

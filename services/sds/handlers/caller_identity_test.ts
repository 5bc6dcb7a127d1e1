// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { StatusCode, StatusError } from "@denvoy/base";
import type { Metadata, Peer } from "@denvoy/grpc";
import { AccessPolicy, DEFAULT_RULES } from "../domain/access_policy.ts";
import { NameTemplate } from "../domain/name_template.ts";
import { CallerIdentity, type IdentityParts } from "./caller_identity.ts";

const ADS = "spiffe://shop/ads";
const { PERMISSION_DENIED, UNAUTHENTICATED } = StatusCode;

function identityWith(parts: Partial<IdentityParts> = {}): CallerIdentity {
  const ads = NameTemplate.parse(ADS);
  assert.ok(ads.ok);
  const policy = new AccessPolicy({ ...DEFAULT_RULES, onBehalfOf: [ads.value] }, "shop");
  return new CallerIdentity({
    policy: () => policy,
    tokens: { identify: () => undefined },
    knownToken: () => undefined,
    jwt: undefined,
    sockets: new Map(),
    isRevoked: ({ serial }) => serial === "bad",
    allowUnauthenticated: false,
    trustDomain: "shop",
    ...parts,
  });
}

function callerOf(
  { uriSans = [], dnsSans = [], headers = {}, parts }: {
    readonly uriSans?: readonly string[];
    readonly dnsSans?: readonly string[];
    readonly headers?: Readonly<Record<string, string>>;
    readonly parts?: Partial<IdentityParts>;
  },
): string | StatusError {
  const peer: Peer = { address: "1.2.3.4:5", uriSans, dnsSans };
  const metadata: Metadata = new Map(Object.entries(headers).map(([name, text]) => [name, [text]]));
  try {
    return identityWith(parts).identify({ peer, metadata, node: undefined }).identity;
  } catch (error) {
    return StatusError.from(error);
  }
}

function assertRefused(outcome: string | StatusError, code: StatusCode, why: RegExp): void {
  assert.ok(outcome instanceof StatusError, `taken: ${String(outcome)}`);
  assert.equal(outcome.code, code);
  assert.match(outcome.message, why);
}

Deno.test("the name in a certificate is its only URI, else a DNS name that is none", () => {
  const web = "spiffe://shop/web";
  assert.equal(callerOf({ uriSans: [web] }), web);
  assert.equal(callerOf({ uriSans: [web], dnsSans: ["spiffe://shop/victim"] }), web);
  assert.equal(callerOf({ dnsSans: ["web.shop", "other.shop"] }), "web.shop");
  const cases: readonly (readonly [Parameters<typeof callerOf>[0], RegExp])[] = [
    [{ dnsSans: ["spiffe://shop/victim"] }, /a DNS SAN must not be a URI/],
    [{ dnsSans: ["shop/victim"] }, /a DNS SAN must not be a URI/],
    [{ uriSans: [web, "spiffe://shop/victim"] }, /must have one URI SAN: has 2/],
    [{ uriSans: [web, "https://shop"] }, /must have one URI SAN: has 2/],
    [{ uriSans: ["spiffe://shop/a/../victim"] }, /by certificate proves nothing: .*segments/],
    [{ uriSans: ["spiffe://shop/a,b"] }, /by certificate proves nothing/],
    [{ uriSans: ["https://shop/victim"] }, /must start with/],
    [{ uriSans: [""] }, /must not be empty/],
  ];
  for (const [shown, why] of cases) assertRefused(callerOf(shown), UNAUTHENTICATED, why);
});

Deno.test("no proof makes a name one that is none", () => {
  const bad = "spiffe://shop/a/../victim";
  const token = { authorization: "Bearer a.b.c" };
  const proofs: Readonly<Record<string, Partial<IdentityParts>>> = {
    "jwt": { jwt: { verify: () => ({ identity: bad, validUntilMs: 1 }) } },
    "token": { knownToken: () => bad },
  };
  for (const [proof, parts] of Object.entries(proofs)) {
    const why = new RegExp(`by ${proof} proves nothing`);
    assertRefused(callerOf({ headers: token, parts }), UNAUTHENTICATED, why);
  }
  const sub = { jwt: { verify: () => ({ identity: "spiffe://shop/web", validUntilMs: 1 }) } };
  assert.equal(callerOf({ headers: token, parts: sub }), "spiffe://shop/web");
});

function headersFor(identity: string, certificate = "a1;CN%3Dca") {
  return {
    "x-denvoy-on-behalf-of": identity,
    "x-denvoy-on-behalf-of-certificate": certificate,
  };
}

Deno.test("whom ads asks for is a SPIFFE ID or a word, and one alone", () => {
  const ask = (text: string) => callerOf({ uriSans: [ADS], headers: headersFor(text) });
  assert.equal(ask("spiffe://shop/web"), "spiffe://shop/web");
  assertRefused(ask("spiffe://shop/a/../victim"), UNAUTHENTICATED, /segments/);
  assertRefused(ask("spiffe://shop/web,spiffe://shop/b"), PERMISSION_DENIED, /one identity/);
  assertRefused(ask(""), PERMISSION_DENIED, /one identity/);
});

Deno.test("a revoked certificate proves nothing, whatever comes with it", () => {
  const parts = { knownToken: () => "spiffe://shop/web" };
  const identify = (serial: string, headers: Metadata = new Map()) =>
    identityWith(parts).identify({
      peer: {
        address: "1.2.3.4:5",
        uriSans: ["spiffe://shop/web"],
        dnsSans: [],
        certificate: { serial, issuer: "CN=ca", notAfterMs: Infinity },
      },
      metadata: headers,
      node: undefined,
    });
  assert.equal(identify("good").proof, "certificate");
  const token: Metadata = new Map([["authorization", ["Bearer of-web"]]]);
  assert.equal(identify("good", token).proof, "token");
  const refused = { code: UNAUTHENTICATED, message: "the client certificate bad is revoked" };
  assert.throws(() => identify("bad"), refused);
  assert.throws(() => identify("bad", token), refused);
});

Deno.test("whom ads asks for has a certificate, which nobody but ads may say and sds has not revoked", () => {
  const web = "spiffe://shop/web";
  const revoked = { parts: { isRevoked: ({ serial }: { serial: string }) => serial === "f00d" } };
  const ask = (headers: Readonly<Record<string, string>>, uriSans: readonly string[] = [ADS]) =>
    callerOf({ uriSans, headers, ...revoked });
  assert.equal(ask(headersFor(web)), web);
  const why = 'the client certificate f00d of "spiffe://shop/web" is revoked';
  assertRefused(ask(headersFor(web, "f00d;CN%3Dca")), UNAUTHENTICATED, new RegExp(`^${why}$`));
  const { "x-denvoy-on-behalf-of": identity } = headersFor(web);
  const without = { "x-denvoy-on-behalf-of": identity };
  assertRefused(ask(without), PERMISSION_DENIED, /named with its certificate/);
  assertRefused(ask(headersFor(web, "f00d")), PERMISSION_DENIED, /named with its certificate/);
  const alone = { "x-denvoy-on-behalf-of-certificate": "a1;CN%3Dca" };
  assertRefused(ask(alone), PERMISSION_DENIED, /must have one identity/);
  for (const headers of [headersFor(web), alone]) {
    assertRefused(ask(headers, [web]), PERMISSION_DENIED, /may not ask on behalf of others/);
  }
});

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { TextPattern } from "@denvoy/base";
import type { PeerCertificate } from "../server/byte_stream.ts";
import { authenticate, type AuthenticationOptions, TokenSet } from "./authentication.ts";
import { HttpError } from "./http_error.ts";
import type { Access } from "./route.ts";

const tokens = new TokenSet([["ci", "0123456789abcdef"]]);
const known = "Bearer 0123456789abcdef";
const unknown = "Bearer fedcba9876543210";
const ops = certificate({ uriSans: ["spiffe://shop/ops/ada"] });
const web = certificate({ uriSans: ["spiffe://shop/web"], subject: "CN=spiffe://shop/ops/ada" });
const posing = certificate({ uriSans: ["spiffe://shop/web"], dnsSans: ["ada.ops.shop"] });
const named = certificate({ dnsSans: ["ada.ops.shop"] });

interface Case {
  readonly shows?: PeerCertificate;
  readonly authorization?: string;
  readonly access?: Access;
  readonly options?: Partial<AuthenticationOptions>;
  /** Who it is, or the status of the refusal. */
  readonly expect: string | number;
}

const closed = { tokens: () => undefined, certificates: false } as const;
const onlyTokens = { certificates: false, admins: [] } as const;
const cases: Readonly<Record<string, Case>> = {
  "nobody is asked": { options: closed, expect: "anonymous 127.0.0.1:1" },
  "nothing is shown": { expect: 401 },
  "a token": { authorization: known, expect: "token ci" },
  "an unknown token": { authorization: unknown, expect: 401 },
  "an unknown token by an administrator": { shows: ops, authorization: unknown, expect: 401 },
  "no bearer token": { authorization: "Basic eDp5", expect: 401 },
  "a token by a workload": { shows: web, authorization: known, expect: "token ci" },
  "an administrator by URI": { shows: ops, expect: "certificate spiffe://shop/ops/ada" },
  "an administrator by DNS name": { shows: named, expect: "certificate ada.ops.shop" },
  "a workload": { shows: web, expect: 403 },
  "a workload with a DNS name of an administrator": { shows: posing, expect: 403 },
  "a certificate without names": { shows: certificate({}), expect: 403 },
  "where no certificate makes an administrator": {
    shows: ops,
    options: { admins: [] },
    expect: 403,
  },
  "where neither token nor certificate does": {
    shows: ops,
    authorization: unknown,
    options: { admins: [], tokens: () => undefined },
    expect: 403,
  },
  "a workload where certificates are not asked for": {
    shows: ops,
    options: onlyTokens,
    expect: 401,
  },
  "mesh: nothing is shown": { access: "mesh", expect: 401 },
  "mesh: a workload": { access: "mesh", shows: web, expect: "anonymous 127.0.0.1:1" },
  "mesh: an unknown token": { access: "mesh", shows: web, authorization: unknown, expect: 401 },
  "open: nothing is shown": { access: "open", expect: "anonymous 127.0.0.1:1" },
  "open: a workload": { access: "open", shows: web, expect: "anonymous 127.0.0.1:1" },
  "open: an unknown token": {
    access: "open",
    authorization: unknown,
    expect: "anonymous 127.0.0.1:1",
  },
  "open: a known token": { access: "open", authorization: known, expect: "token ci" },
  "open: an administrator": {
    access: "open",
    shows: ops,
    expect: "certificate spiffe://shop/ops/ada",
  },
};

Deno.test("authenticate() takes tokens and certificates of administrators", async (t) => {
  for (const [name, { expect, ...rest }] of Object.entries(cases)) {
    await t.step(name, () => assert.equal(outcome(rest), expect));
  }
});

Deno.test("authenticate() tells whose certificate it was, and what to set", () => {
  const refusal = (shows: PeerCertificate) => String(caught({ shows }));
  assert.match(refusal(web), /--http-admin names.*it is of "spiffe:\/\/shop\/web"$/);
  assert.match(refusal(certificate({})), /it is of nobody, as it has no URI or DNS name$/);
});

function outcome(given: Omit<Case, "expect">): string | number {
  const error = caught(given);
  if (error instanceof HttpError) return error.status;
  const { kind, name } = asked(given);
  return `${kind} ${name}`;
}

function caught(given: Omit<Case, "expect">): unknown {
  try {
    asked(given);
    return undefined;
  } catch (error) {
    return error;
  }
}

function asked({ shows, authorization, access, options }: Omit<Case, "expect">) {
  const headers = new Map(authorization === undefined ? [] : [["authorization", authorization]]);
  return authenticate(
    { headers, certificate: shows, peerAddress: "127.0.0.1:1" },
    access === undefined ? {} : { access },
    {
      tokens: () => tokens,
      certificates: true,
      admins: ["spiffe://shop/ops/*", "*.ops.shop"].map((text) => new TextPattern(text)),
      ...options,
    },
  );
}

function certificate(names: Partial<PeerCertificate>): PeerCertificate {
  return { uriSans: [], dnsSans: [], subject: "", fingerprint: "00", ...names };
}

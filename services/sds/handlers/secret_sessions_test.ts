// SPDX-License-Identifier: Apache-2.0
/** Who loses its right loses its streams, and what a session asks for is judged and made once. */
import assert from "node:assert/strict";
import { StatusCode, StatusError } from "@denvoy/base";
import { FakeClock, RecordingLogger } from "@denvoy/base/testing";
import type { StreamRequest } from "@denvoy/discovery";
import type { Metadata, Peer } from "@denvoy/grpc";
import { messageCodec } from "@denvoy/proto";
import { Metrics } from "@denvoy/runtime";
import { Hub } from "@denvoy/xds";
import { AccessPolicy, DEFAULT_RULES } from "../domain/access_policy.ts";
import { IssuedCertificates } from "../domain/issued_certificates.ts";
import { SecretBook } from "../domain/secret_book.ts";
import { sdsInstruments } from "../metrics.ts";
import { Audit } from "./audit.ts";
import { CallerIdentity } from "./caller_identity.ts";
import { SecretSessions } from "./secret_sessions.ts";

const WEB = "spiffe://shop/web";
const { UNAUTHENTICATED, INVALID_ARGUMENT, PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNAVAILABLE } =
  StatusCode;
const deltaCodec = messageCodec("envoy.service.discovery.v3.DeltaDiscoveryRequest");
const sotwCodec = messageCodec("envoy.service.discovery.v3.DiscoveryRequest");

/** Sessions before a CA that can issue nothing, for the reason that the test sets. */
class Scene {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly hub = new Hub({ clock: this.clock });
  readonly revoked = new Set<string>();
  readonly tokens = new Map([["of-web", { identity: WEB, validUntilMs: 0 }]]);
  readonly sessions: SecretSessions;
  failure = new StatusError(UNAVAILABLE, "cannot issue");
  issued = 0;

  constructor({ maxNames = 10 } = {}) {
    const { clock, logger, hub, revoked, tokens } = this;
    const instruments = sdsInstruments(new Metrics({ service: "sds", clock }));
    const policy = () => new AccessPolicy(DEFAULT_RULES, "shop");
    const issue = () => {
      this.issued++;
      return Promise.reject(this.failure);
    };
    this.sessions = new SecretSessions({
      ...{ hub, clock, maxNames, policy, trustDomain: "shop" },
      book: new SecretBook(),
      workloads: new IssuedCertificates({ ca: { issue }, clock, logger, random: () => 0.5 }),
      audit: new Audit({ logger, clock, instruments }),
      identity: new CallerIdentity({
        tokens: { identify: (token) => tokens.get(token) },
        knownToken: () => undefined,
        jwt: undefined,
        sockets: new Map(),
        isRevoked: ({ serial }) => revoked.has(serial),
        allowUnauthenticated: false,
        ...{ policy, trustDomain: "shop" },
      }),
    });
  }

  begin({ serial, token }: { readonly serial?: string; readonly token?: string }) {
    const peer: Peer = {
      address: "10.0.0.7:4711",
      uriSans: serial === undefined ? [] : [WEB],
      dnsSans: [],
      ...(serial !== undefined &&
        { certificate: { serial, issuer: "CN=ca", notAfterMs: Infinity } }),
    };
    const metadata: Metadata = token === undefined
      ? new Map()
      : new Map([["authorization", [`Bearer ${token}`]]]);
    const abort = new AbortController();
    const { signal } = abort;
    const session = this.sessions.begin({ node: undefined, peer, metadata, signal });
    const stream = this.hub.open({ mode: "delta", view: session.view });
    this.sessions.add(session, stream);
    return { session, stream, abort };
  }

  /** Lets what was begun get as far as it can without time. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
  }
}

Deno.test("the streams of a certificate end when it is revoked, and those of no other", async () => {
  const scene = new Scene();
  const [bad, good] = [scene.begin({ serial: "bad" }), scene.begin({ serial: "good" })];
  scene.revoked.add("bad");
  scene.sessions.recheck(() => true);
  assert.equal(bad.stream.error?.code, UNAUTHENTICATED);
  assert.match(bad.stream.error?.message ?? "", /certificate bad is revoked/);
  assert.equal(good.stream.error, undefined);
  assert.match(JSON.stringify(scene.logger.lines), /caller refused.*bad is revoked/);
  await assert.rejects(scene.sessions.grant(bad.session, ["default"]), { code: UNAUTHENTICATED });
  assert.throws(() => scene.begin({ serial: "bad" }), { code: UNAUTHENTICATED });
  for (const { abort } of [bad, good]) abort.abort();
});

Deno.test("a stream ends with its token: when that expires, and when it is revoked", () => {
  for (const isRevoked of [false, true]) {
    const scene = new Scene();
    const validUntilMs = scene.clock.nowMs() + 3_600_000;
    scene.tokens.set("of-web", { identity: WEB, validUntilMs });
    const { stream, abort } = scene.begin({ token: "of-web" });
    const other = scene.begin({ serial: "good" });
    scene.clock.advance(3_599_999);
    assert.deepEqual([stream.error, other.stream.error], [undefined, undefined]);
    if (isRevoked) {
      scene.tokens.clear();
      scene.sessions.recheck(({ caller }) => caller.proof === "token");
    } else scene.clock.advance(1);
    const why = isRevoked ? /bearer token is unknown/ : /the token has expired/;
    assert.match(stream.error?.message ?? "", why);
    assert.equal(stream.error?.code, UNAUTHENTICATED);
    assert.equal(other.stream.error, undefined);
    abort.abort();
    other.abort.abort();
  }
});

Deno.test("a stream whose token has become another's ends", () => {
  const scene = new Scene();
  const validUntilMs = scene.clock.nowMs() + 1000;
  scene.tokens.set("of-web", { identity: WEB, validUntilMs });
  const { stream, abort } = scene.begin({ token: "of-web" });
  scene.tokens.set("of-web", { identity: "spiffe://shop/api", validUntilMs });
  scene.sessions.recheck(() => true);
  assert.match(stream.error?.message ?? "", /another's now/);
  abort.abort();
});

Deno.test("what cannot be issued is tried again once a turn, however often the policy changes", async () => {
  const scene = new Scene();
  const { session, abort } = scene.begin({ serial: "good" });
  await scene.sessions.grant(session, ["default", WEB]);
  for (let change = 0; change < 20; change++) {
    scene.sessions.policyChanged();
    await scene.settle();
  }
  scene.issued = 0;
  for (let turn = 1; turn <= 3; turn++) {
    scene.clock.advance(5000);
    await scene.settle();
    assert.equal(scene.issued, turn);
  }
  abort.abort();
  scene.clock.advance(60_000);
  await scene.settle();
  assert.equal(scene.issued, 3);
});

Deno.test("what breaks a rule is not tried again", async () => {
  const scene = new Scene();
  scene.failure = new StatusError(INVALID_ARGUMENT, "names must be good");
  const { session, abort } = scene.begin({ serial: "good" });
  await scene.sessions.grant(session, ["default"]);
  assert.equal(scene.issued, 1);
  scene.clock.advance(60_000);
  await scene.settle();
  assert.equal(scene.issued, 1);
  abort.abort();
});

function locators(...names: readonly string[]) {
  return names.map((name) => ({ name }));
}

function byDelta(...names: readonly string[]): StreamRequest {
  return deltaCodec.decode(
    deltaCodec.encode({ resourceLocatorsSubscribe: locators(...names) }),
  );
}

function bySotw(...names: readonly string[]): StreamRequest {
  return sotwCodec.decode(sotwCodec.encode({ resourceLocators: locators(...names) }));
}

Deno.test("names in locators are audited, refused, issued and counted as names are", async () => {
  for (const request of [byDelta, bySotw]) {
    const scene = new Scene({ maxNames: 3 });
    const { session, abort } = scene.begin({ serial: "good" });
    await scene.sessions.prepare(session, request("default", "default", "of-another"));
    assert.equal(scene.issued, 1);
    const lines = scene.logger.lines.filter(({ message }) => message.startsWith("secret "));
    assert.deepEqual(lines.map(({ message }) => message), ["secret granted", "secret refused"]);
    const more = async () => await scene.sessions.prepare(session, request("c", "d"));
    await assert.rejects(more, { code: RESOURCE_EXHAUSTED });
    abort.abort();
  }
});

Deno.test("a SotW stream that may have nothing of its locators is refused", async () => {
  const scene = new Scene();
  const { session, abort } = scene.begin({ serial: "good" });
  session.stream = undefined;
  const refused = async () => await scene.sessions.prepare(session, bySotw("of-another"));
  await assert.rejects(refused, { code: PERMISSION_DENIED });
  abort.abort();
});

// SPDX-License-Identifier: Apache-2.0
/** An intermediate of another CA: which is taken, and how one follows the other. @module */
import assert from "node:assert/strict";
import { ProblemError } from "@denvoy/base";
import { nodePrimitives } from "../../adapters/node_primitives.ts";
import { checkSecret } from "../secret_check.ts";
import { BuiltInCa } from "./built_in_ca.ts";
import { defaultCaSettings } from "./ca_settings.ts";
import { caExtensions } from "./extensions.ts";
import type { OutsideCa } from "./outside_authority.ts";
import { craft, type Crafted, openTestCa, testNowMs, testReader } from "./testing.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const cart = { spiffeId: "spiffe://denvoy.local/cart" };

/** Without SPIFFE ID, as other CAs make them. */
function plainCa(pathLength: number): readonly Uint8Array[] {
  const subjectKeyId = nodePrimitives.randomBytes(20);
  return caExtensions({ pathLength, trustDomain: "", subjectKeyId }).slice(0, 3);
}

const root = await craft({ name: "company root", extensions: plainCa(2) });
const between = await craft({ name: "between", issuer: root, extensions: plainCa(1) });
const first = await craft({ name: "mesh 1", issuer: between, extensions: plainCa(0) });
const second = await craft({ name: "mesh 2", issuer: between, extensions: plainCa(0) });
const otherRoot = await craft({ name: "other root", extensions: plainCa(1) });
const other = await craft({ name: "other mesh", issuer: otherRoot, extensions: plainCa(0) });

function outsideOf(
  signer: Crafted,
  chain: readonly Crafted[],
  roots: readonly Crafted[],
): OutsideCa {
  const pemOf = (all: readonly Crafted[]) => all.map(({ pem }) => pem).join("");
  return { chainPem: pemOf([signer, ...chain]), keyPem: signer.keyPem, rootsPem: pemOf(roots) };
}

const firstOutside = outsideOf(first, [between], [root]);

function statesOf(ca: BuiltInCa): readonly string[] {
  return ca.trustBundle().authorities.map(({ certificate, state }) =>
    `${certificate.subject.slice(3, 13)} ${state}`
  );
}

Deno.test("an outside CA signs from the start, with its whole chain", async () => {
  const { ca, clock } = await openTestCa({ outside: firstOutside });
  assert.deepEqual(statesOf(ca), ["company ro active"]);
  assert.equal(ca.trustBundle().bundlePem, root.pem);
  const { chainPem, keyPem } = await ca.issue(cart);
  assert.ok(chainPem.endsWith(first.pem + between.pem));
  const checked = checkSecret({ kind: "tls-certificate", chainPem, keyPem }, {
    nowMs: clock.nowMs(),
    x509: testReader,
  });
  assert.ok(checked.ok, JSON.stringify(checked));
});

Deno.test("the root may be in the chain, or sign by itself", async () => {
  const whole = await openTestCa({ outside: outsideOf(first, [between, root], []) });
  assert.equal(whole.ca.trustBundle().bundlePem, root.pem);
  const alone = await openTestCa({ outside: outsideOf(otherRoot, [], []) });
  assert.equal(alone.ca.trustBundle().bundlePem, otherRoot.pem);
  const { chainPem } = await alone.ca.issue(cart);
  assert.ok(chainPem.endsWith(otherRoot.pem));
});

Deno.test("after a restart nothing has changed", async () => {
  const { ca, options } = await openTestCa({ outside: firstOutside });
  await ca.issue(cart);
  const again = await BuiltInCa.open(options);
  assert.deepEqual(again.trustBundle(), ca.trustBundle());
});

Deno.test("another intermediate of the same root signs at once; the list knows both", async () => {
  const { ca } = await openTestCa({ outside: firstOutside });
  const old = await ca.issue(cart);
  const { sequence } = ca.trustBundle();
  await ca.adoptOutside(outsideOf(second, [between], [root]));
  assert.equal(ca.trustBundle().sequence, sequence);
  const { chainPem } = await ca.issue(cart);
  assert.ok(chainPem.includes(second.pem));
  await ca.revoke(old.facts.serial);
  assert.equal(ca.crlPem().split("BEGIN X509 CRL").length - 1, 2);
});

Deno.test("another root is trusted at first, signs after the overlap, and the old one leaves", async () => {
  const { ca, clock } = await openTestCa({ outside: firstOutside });
  await ca.issue(cart);
  await ca.adoptOutside(outsideOf(other, [], [otherRoot]));
  await ca.maintain();
  assert.deepEqual(statesOf(ca), ["company ro active", "other root prepared"]);
  clock.advance(HOUR);
  await ca.maintain();
  assert.deepEqual(statesOf(ca), ["other root active", "company ro retiring"]);
  clock.advance(DAY);
  await ca.maintain();
  assert.deepEqual(statesOf(ca), ["other root active"]);
});

Deno.test("a CA of our own gives way to an outside one, and comes back when that is gone", async () => {
  const { ca, clock, options } = await openTestCa();
  await ca.issue(cart);
  const outside = await BuiltInCa.open({ ...options, outside: firstOutside });
  assert.deepEqual(statesOf(outside), ["denvoy.loc active", "company ro prepared"]);
  clock.advance(HOUR);
  await outside.maintain();
  assert.deepEqual(statesOf(outside), ["company ro active", "denvoy.loc retiring"]);
  const own = await BuiltInCa.open(options);
  assert.deepEqual(statesOf(own)[0], "company ro active");
  clock.advance(HOUR);
  await own.maintain();
  assert.equal(statesOf(own)[0], "denvoy.loc active");
});

Deno.test("an outside CA that was only prepared is forgotten when it is not configured any more", async () => {
  const { options } = await openTestCa();
  await BuiltInCa.open({ ...options, outside: firstOutside });
  assert.deepEqual(statesOf(await BuiltInCa.open(options)), ["denvoy.loc active"]);
});

const settings = { ...defaultCaSettings, trustDomain: "test" };
const spiffe = await craft({ name: "spiffe", issuer: root, pathLength: 0 });

Deno.test("an intermediate may have the SPIFFE ID of the trust domain", async () => {
  const { ca } = await openTestCa({ settings, outside: outsideOf(spiffe, [], [root]) });
  assert.equal(statesOf(ca).length, 1);
});

const leaf = await craft({ issuer: root, leaf: { dnsNames: ["a.test"] } });
const ended = await craft({ name: "ended", issuer: root, extensions: plainCa(0), toMs: -1 });
const forged = await craft({
  name: "forged",
  issuer: root,
  signedBy: otherRoot,
  extensions: plainCa(0),
});

const bad: readonly (readonly [string, OutsideCa, RegExp])[] = [
  ["another's key", { ...firstOutside, keyPem: second.keyPem }, /must belong to the first/],
  ["no key", { ...firstOutside, keyPem: "" }, /must belong to the first certificate/],
  ["no certificate", { ...firstOutside, chainPem: "" }, /there are 0/],
  ["no root", { ...firstOutside, rootsPem: "" }, /root of its chain must be given: is missing/],
  ["another root", { ...firstOutside, rootsPem: otherRoot.pem }, /root of its chain must be given/],
  ["a missing link", outsideOf(first, [], [root]), /root of its chain must be given/],
  ["a leaf", outsideOf(leaf, [], [root]), /must be a CA by its basic constraints/],
  ["one that has ended", outsideOf(ended, [], [root]), /must not have expired/],
  ["a forged one", outsideOf(forged, [], [root]), /its key must have signed the one before it/],
  ["another trust domain's", outsideOf(spiffe, [], [root]), /must be "spiffe:\/\/denvoy.local"/],
];

for (const [name, outside, expected] of bad) {
  Deno.test(`an outside CA with ${name} is refused, and what was before stays`, async () => {
    const { ca } = await openTestCa();
    const before = ca.trustBundle();
    await assert.rejects(ca.adoptOutside(outside), (error) => {
      assert.ok(error instanceof ProblemError);
      assert.match(error.message, expected);
      return true;
    });
    assert.deepEqual(ca.trustBundle(), before);
    assert.equal((await ca.issue(cart)).facts.notAfterMs, testNowMs + DAY);
  });
}

Deno.test("lists under an outside CA pass all checks when only the leaf's issuer needs one", async () => {
  const { ca, clock } = await openTestCa({ outside: firstOutside });
  const { facts } = await ca.issue(cart);
  await ca.revoke(facts.serial);
  const { bundlePem, authorities } = ca.trustBundle();
  assert.equal(authorities[0]?.outside, true);
  const context = { kind: "validation-context", bundlePem, crlPem: ca.crlPem(), sanMatchers: [] };
  const options = { nowMs: clock.nowMs(), x509: testReader };
  const material = { ...context, kind: "validation-context" } as const;
  assert.ok(checkSecret({ ...material, onlyVerifyLeafCrl: true }, options).ok);
  assert.ok(!checkSecret(material, options).ok);
});

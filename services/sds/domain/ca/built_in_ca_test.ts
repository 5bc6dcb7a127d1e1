// SPDX-License-Identifier: Apache-2.0
/** What the CA issues, refuses, revokes and remembers. @module */
import assert from "node:assert/strict";
import { StatusCode, StatusError } from "@denvoy/base";
import type { AuthorityEvent, IssueRequest } from "../certificate_authority.ts";
import { AesSealer } from "../../adapters/aes_sealer.ts";
import { checkSecret } from "../secret_check.ts";
import { readPem } from "../pem.ts";
import { BuiltInCa } from "./built_in_ca.ts";
import { backdatingMs, checkCaSettings, defaultCaSettings } from "./ca_settings.ts";
import { MemoryCaStore } from "./memory_ca_store.ts";
import { openTestCa, testNowMs, testReader } from "./testing.ts";

const DAY = 86_400_000;
const cart = { spiffeId: "spiffe://denvoy.local/cart" };

function rejectsWith(code: StatusCode, message: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof StatusError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}

Deno.test("issue() makes an SVID that passes all checks, with a new key each time", async () => {
  const { ca, clock } = await openTestCa();
  const first = await ca.issue(cart);
  const second = await ca.issue(cart);
  assert.notEqual(first.keyPem, second.keyPem);
  assert.notEqual(first.facts.serial, second.facts.serial);
  assert.equal(first.facts.notAfterMs, clock.nowMs() + DAY);
  assert.equal(first.facts.notBeforeMs, clock.nowMs() - backdatingMs);
  const material = { kind: "tls-certificate", chainPem: first.chainPem, keyPem: first.keyPem };
  const checked = checkSecret({ ...material, kind: "tls-certificate" }, {
    nowMs: clock.nowMs(),
    x509: testReader,
  });
  assert.ok(checked.ok, JSON.stringify(checked));
  assert.deepEqual(checked.value.warnings, []);
});

Deno.test("issue() tells of a certificate what a reader reads in it", async () => {
  const { ca } = await openTestCa();
  for (const keyType of ["ec-p256", "ec-p384", "ed25519", "rsa-2048"] as const) {
    const names = { ...cart, dnsNames: ["cart.local"], ipAddresses: ["10.0.0.1", "fe80::1"] };
    const { facts, chainPem } = await ca.issue({ ...names, keyType });
    const blocks = readPem(chainPem);
    const [leaf] = blocks.ok ? blocks.value : [];
    const read = leaf && testReader.readCertificate(leaf.der)?.facts;
    assert.deepEqual(facts, read, keyType);
  }
});

const refused: readonly (readonly [string, IssueRequest, RegExp])[] = [
  ["no name", {}, /1 to 100 names: has 0/],
  ["too many names", { dnsNames: new Array(101).fill("a") }, /has 101/],
  ["another trust domain", { spiffeId: "spiffe://other/cart" }, /in trust domain "denvoy.local"/],
  ["the ID of the trust domain", { spiffeId: "spiffe://denvoy.local" }, /must have a path/],
  ["a bad ID", { spiffeId: "spiffe://denvoy.local/a//b" }, /empty segments/],
  ["a bad DNS name", { dnsNames: ["a b"] }, /labels between dots, .*: one is "a b"/],
  ["an address as DNS name", { dnsNames: ["1.2.3.4"] }, /no IP address: one is "1.2.3.4"/],
  ["an empty DNS name", { dnsNames: [""] }, /labels between dots/],
  ["a wildcard for a top-level domain", { dnsNames: ["*.com"] }, /labels between dots/],
  ["a bad IP address", { ipAddresses: ["1.2.3"] }, /must be IPv4 or IPv6/],
  ["no life", { ...cart, lifetimeMs: 0 }, /at least 10000 ms .* is 0 ms/],
  ["a life of less than a second", { ...cart, lifetimeMs: 0.1 }, /at least 10000 ms .* is 0.1 ms/],
  ["too long a life", { ...cart, lifetimeMs: 8 * DAY }, /at most 604800000 ms: is 691200000 ms/],
  ["a life that is no number", { ...cart, lifetimeMs: NaN }, /at least 10000 ms/],
];

for (const [name, request, message] of refused) {
  Deno.test(`issue() refuses ${name}`, async () => {
    const { ca } = await openTestCa();
    await assert.rejects(ca.issue(request), rejectsWith(StatusCode.INVALID_ARGUMENT, message));
    assert.deepEqual(await ca.listIssued(), []);
  });
}

Deno.test("issue() takes wildcards below a domain", async () => {
  const { ca } = await openTestCa();
  const { facts } = await ca.issue({ dnsNames: ["*.shop.example"] });
  assert.deepEqual(facts.dnsSans, ["*.shop.example"]);
});

Deno.test("a leaf ends with its signer at the latest", async () => {
  const settings = { ...defaultCaSettings, signerLifetimeMs: 7 * DAY };
  const { ca, clock } = await openTestCa({ settings });
  clock.advance(3 * DAY);
  const { facts } = await ca.issue({ ...cart, lifetimeMs: 7 * DAY });
  assert.equal(facts.notAfterMs, testNowMs + 7 * DAY);
});

Deno.test("issue() refuses while the clock is outside its signer's life", async () => {
  const { ca, clock } = await openTestCa();
  clock.advance(-DAY);
  const refuses = rejectsWith(StatusCode.FAILED_PRECONDITION, /clock must be within the life/);
  await assert.rejects(ca.issue(cart), refuses);
  clock.advance(DAY);
  await ca.issue(cart);
});

Deno.test("what was issued is listed, newest first, until it ends", async () => {
  const { ca, clock } = await openTestCa();
  const first = await ca.issue(cart);
  clock.advance(DAY / 2);
  const second = await ca.issue({ dnsNames: ["b.local"] });
  const serials = async () => (await ca.listIssued()).map(({ serial }) => serial);
  assert.deepEqual(await serials(), [second.facts.serial, first.facts.serial]);
  assert.deepEqual((await ca.listIssued({ limit: 1 })).map(({ names }) => names), [["b.local"]]);
  assert.equal((await ca.listIssued({ name: cart.spiffeId }))[0]?.serial, first.facts.serial);
  clock.advance(DAY / 2);
  assert.deepEqual(await serials(), [second.facts.serial]);
});

Deno.test("revoke() puts a certificate on the list until it ends, and tells of it", async () => {
  const { ca, clock } = await openTestCa();
  const events: AuthorityEvent["kind"][] = [];
  ca.subscribe(({ kind }) => void events.push(kind));
  const { facts } = await ca.issue(cart);
  assert.equal(ca.crlPem(), "");
  const colons = facts.serial.toUpperCase().match(/../g)?.join(":") ?? "";
  await ca.revoke(colons, "keyCompromise");
  assert.deepEqual(revokedIn(ca), [facts.serial]);
  assert.deepEqual(events, ["crl-changed", "revoked"]);
  const again = await ca.revoke(facts.serial, "superseded");
  assert.equal(again.reason, "keyCompromise");
  assert.equal(events.length, 2);
  clock.advance(DAY);
  await ca.maintain();
  assert.equal(ca.crlPem(), "");
});

function revokedIn(ca: BuiltInCa): readonly string[] {
  const blocks = readPem(ca.crlPem());
  assert.ok(blocks.ok);
  return blocks.value.flatMap(({ der }) => testReader.readCrl(der)?.facts.revokedSerials ?? []);
}

Deno.test("lists are signed anew in the middle of their life", async () => {
  const settings = { ...defaultCaSettings, leafLifetimeMs: 7 * DAY };
  const { ca, clock } = await openTestCa({ settings });
  const { facts } = await ca.issue(cart);
  await ca.revoke(facts.serial);
  const before = ca.crlPem();
  clock.advance(3 * DAY);
  await ca.maintain();
  assert.equal(ca.crlPem(), before);
  clock.advance(DAY);
  await ca.maintain();
  assert.notEqual(ca.crlPem(), before);
  assert.deepEqual(revokedIn(ca), [facts.serial]);
});

Deno.test("a validation context of bundle and lists passes all checks", async () => {
  const { ca, clock } = await openTestCa();
  const { facts } = await ca.issue(cart);
  await ca.prepareRoot();
  await ca.revoke(facts.serial);
  const checked = checkSecret({
    kind: "validation-context",
    bundlePem: ca.trustBundle().bundlePem,
    crlPem: ca.crlPem(),
    sanMatchers: [],
  }, { nowMs: clock.nowMs(), x509: testReader });
  assert.ok(checked.ok, JSON.stringify(checked));
  assert.deepEqual(checked.value.warnings, []);
});

/** A store that keeps no lists. */
class ListlessStore extends MemoryCaStore {
  override replaceSealed(): never {
    throw new StatusError(StatusCode.UNAVAILABLE, "away");
  }
}

Deno.test("revoke() counts and is told of, even if the lists can be signed later only", async () => {
  const { ca } = await openTestCa({ store: new ListlessStore() });
  const events: AuthorityEvent["kind"][] = [];
  ca.subscribe(({ kind }) => void events.push(kind));
  const { facts } = await ca.issue(cart);
  await assert.rejects(ca.revoke(facts.serial), rejectsWith(StatusCode.UNAVAILABLE, /away/));
  assert.equal(ca.isRevoked(facts.serial), true);
  assert.deepEqual(events, ["revoked"]);
});

Deno.test("a bundle is told with lists of all that are in it", async () => {
  const { ca } = await openTestCa();
  const counts: (readonly [number, number])[] = [];
  const count = (pem: string) => pem.split("BEGIN").length - 1;
  const look = () => counts.push([count(ca.trustBundle().bundlePem), count(ca.crlPem())]);
  const { facts } = await ca.issue(cart);
  await ca.revoke(facts.serial);
  ca.subscribe(look);
  await ca.prepareRoot();
  await ca.activateRoot({ force: true });
  await ca.retireRoot({ force: true });
  assert.ok(counts.length >= 3);
  for (const [roots, lists] of counts) assert.equal(lists, 2 * roots, JSON.stringify(counts));
});

Deno.test("revoke() refuses a serial that was never issued", async () => {
  const { ca } = await openTestCa();
  const refuses = rejectsWith(StatusCode.NOT_FOUND, /that this CA issued: is "abc"/);
  await assert.rejects(ca.revoke("abc"), refuses);
});

Deno.test("a restart changes neither roots nor lists nor what was issued", async () => {
  const { ca, options } = await openTestCa();
  const { facts } = await ca.issue(cart);
  await ca.revoke(facts.serial);
  const again = await BuiltInCa.open(options);
  assert.equal(again.trustBundle().bundlePem, ca.trustBundle().bundlePem);
  assert.equal(again.trustBundle().sequence, ca.trustBundle().sequence);
  assert.deepEqual(await again.listIssued(), await ca.listIssued());
  assert.deepEqual(revokedIn(again), [facts.serial]);
});

Deno.test("a CA of another trust domain is not opened", async () => {
  const { options } = await openTestCa();
  const settings = { ...defaultCaSettings, trustDomain: "other" };
  const refuses = rejectsWith(StatusCode.FAILED_PRECONDITION, /must stay "denvoy.local"/);
  await assert.rejects(BuiltInCa.open({ ...options, settings }), refuses);
});

Deno.test("a CA that was sealed with another key is not opened", async () => {
  const { options } = await openTestCa();
  const sealer = await AesSealer.create(new Uint8Array(32).fill(1));
  const refuses = rejectsWith(StatusCode.FAILED_PRECONDITION, /sealed with the key that is given/);
  await assert.rejects(BuiltInCa.open({ ...options, sealer }), refuses);
});

const settingsCases: readonly (readonly [string, object, RegExp | undefined])[] = [
  ["the defaults", {}, undefined],
  ["a bad trust domain", { trustDomain: "Shop" }, /lower-case/],
  ["a root without life", { rootLifetimeMs: 0 }, /must be positive/],
  ["a signer that outlives its root", { signerLifetimeMs: 366 * DAY }, /life of its issuer/],
  ["a leaf that outlives its signer", { maxLeafLifetimeMs: 31 * DAY }, /life of its issuer/],
  ["a usual life above the longest", { leafLifetimeMs: 8 * DAY }, /life of its issuer/],
  ["an overlap as long as a life", { overlapMs: 365 * DAY }, /life of its issuer/],
];

for (const [name, changes, expected] of settingsCases) {
  Deno.test(`checkCaSettings() ${expected === undefined ? "takes" : "refuses"} ${name}`, () => {
    const [problem] = checkCaSettings({ ...defaultCaSettings, ...changes });
    if (expected === undefined) assert.equal(problem, undefined);
    else assert.match(problem?.message ?? "", expected);
  });
}

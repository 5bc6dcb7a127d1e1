// SPDX-License-Identifier: Apache-2.0
/** Root rotations: by hand, by time over years, with restarts and jumps of the clock at each step. @module */
import assert from "node:assert/strict";
import { StatusCode, StatusError } from "@denvoy/base";
import type { FakeClock } from "@denvoy/base/testing";
import type { AuthorityEvent, TrustBundle } from "../certificate_authority.ts";
import { sameBytes } from "../certificate_block.ts";
import { readPem } from "../pem.ts";
import type { ReadCertificate } from "../x509_reader.ts";
import { BuiltInCa } from "./built_in_ca.ts";
import { defaultCaSettings } from "./ca_settings.ts";
import type { CaState } from "./ca_store.ts";
import { MemoryCaStore } from "./memory_ca_store.ts";
import { openTestCa, testNowMs, testReader } from "./testing.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const cart = { spiffeId: "spiffe://denvoy.local/cart" };

/** The same roots and signers come up in each step of a simulation. */
const known = new Map<string, ReadCertificate>();
const signed = new Map<string, boolean>();

function read(pem: string): readonly ReadCertificate[] {
  const blocks = readPem(pem);
  assert.ok(blocks.ok);
  return blocks.value.flatMap(({ der, text }) => {
    const certificate = known.get(text) ?? testReader.readCertificate(der);
    if (certificate !== undefined) known.set(text, certificate);
    return certificate ?? [];
  });
}

function isSignedBy(certificate: ReadCertificate, issuer: ReadCertificate): boolean {
  const key = `${certificate.facts.fingerprint} ${issuer.facts.fingerprint}`;
  const verdict = signed.get(key) ??
    testReader.signatureOf(certificate.der, issuer.spki) === "right";
  signed.set(key, verdict);
  return verdict;
}

function isValid({ facts }: ReadCertificate, nowMs: number): boolean {
  return nowMs >= facts.notBeforeMs && nowMs < facts.notAfterMs;
}

/** What a TLS peer does: the chain up to a root that it trusts, all valid now. */
function isTrusted(
  chain: readonly ReadCertificate[],
  { bundlePem }: TrustBundle,
  nowMs: number,
): boolean {
  const roots = read(bundlePem);
  const top = chain.at(-1);
  const links = chain.every((one, index) => {
    const issuer = chain[index + 1];
    return isValid(one, nowMs) && (issuer === undefined || isSignedBy(one, issuer));
  });
  return links &&
    roots.some((root) =>
      top !== undefined && sameBytes(top.issuerDer, root.subjectDer) && isValid(root, nowMs) &&
      testReader.signatureOf(top.der, root.spki) === "right"
    );
}

function statesOf(ca: BuiltInCa): readonly string[] {
  return ca.trustBundle().authorities.map(({ state }) => state);
}

function refuses(message: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof StatusError);
    assert.equal(error.code, StatusCode.FAILED_PRECONDITION);
    assert.match(error.message, message);
    return true;
  };
}

Deno.test("a rotation by hand: prepare, activate, retire, each told and none too early", async () => {
  const { ca, clock } = await openTestCa();
  const events: AuthorityEvent["kind"][] = [];
  ca.subscribe(({ kind }) => void events.push(kind));
  const old = await ca.issue(cart);
  const [first] = ca.trustBundle().authorities;

  await assert.rejects(ca.activateRoot(), refuses(/one must be prepared first/));
  await assert.rejects(ca.retireRoot(), refuses(/one must have been replaced first/));
  const prepared = await ca.prepareRoot();
  assert.deepEqual(statesOf(ca), ["active", "prepared"]);
  assert.equal((await ca.issue(cart)).facts.authorityKeyId, old.facts.authorityKeyId);
  await assert.rejects(ca.prepareRoot(), refuses(/must be activated first/));
  await assert.rejects(ca.activateRoot(), refuses(/trusted for 3600000 ms: is for 0 ms/));

  clock.advance(HOUR);
  const activated = await ca.activateRoot();
  assert.equal(activated.id, prepared.id);
  assert.deepEqual(statesOf(ca), ["active", "retiring"]);
  const next = await ca.issue(cart);
  assert.notEqual(next.facts.authorityKeyId, old.facts.authorityKeyId);
  for (const { chainPem } of [old, next]) {
    assert.ok(isTrusted(read(chainPem), ca.trustBundle(), clock.nowMs()));
  }
  await assert.rejects(ca.retireRoot(), refuses(/its last certificate must have ended/));

  clock.advance(DAY);
  const retired = await ca.retireRoot();
  assert.equal(retired.id, first?.id);
  assert.deepEqual(statesOf(ca), ["active"]);
  assert.deepEqual(events, ["bundle-changed", "signer-changed", "bundle-changed"]);
  assert.equal(ca.trustBundle().sequence, 3);
});

Deno.test("an operator may insist", async () => {
  const { ca } = await openTestCa();
  await ca.issue(cart);
  await ca.prepareRoot();
  await ca.activateRoot({ force: true });
  await ca.retireRoot({ force: true });
  assert.deepEqual(statesOf(ca), ["active"]);
});

Deno.test("steps that are asked for at the same time happen one after the other", async () => {
  const { ca } = await openTestCa();
  const outcomes = await Promise.allSettled([
    ca.prepareRoot(),
    ca.prepareRoot(),
    ca.activateRoot({ force: true }),
    ca.maintain(),
    ca.retireRoot(),
  ]);
  const kinds = outcomes.map(({ status }) => status);
  assert.deepEqual(kinds, ["fulfilled", "rejected", "fulfilled", "fulfilled", "rejected"]);
  assert.deepEqual(statesOf(ca), ["active"]);
});

Deno.test("a step that cannot be written down has not happened", async () => {
  const { ca, options } = await openTestCa();
  const before = ca.trustBundle();
  const { store } = options;
  const save = store.save;
  store.save = () => {
    throw new StatusError(StatusCode.UNAVAILABLE, "the disk is full");
  };
  await assert.rejects(ca.prepareRoot(), /the disk is full/);
  assert.deepEqual(ca.trustBundle(), before);
  store.save = save;
  await ca.prepareRoot();
  assert.deepEqual(statesOf(ca), ["active", "prepared"]);
});

/** A leaf as a workload holds it, and a bundle as a peer holds it that hears of changes late. */
interface Held {
  readonly chain: readonly ReadCertificate[];
  readonly renewAtMs: number;
}

interface Simulation {
  readonly open: () => Promise<BuiltInCa>;
  readonly clock: FakeClock;
  readonly days: number;
  readonly stepMs: number;
}

/**
 * Workloads renew at half of the life, peers hear of a bundle one step late; each step the CA is opened
 * anew. Returns how many roots there were.
 */
async function simulate({ open, clock, days, stepMs }: Simulation): Promise<number> {
  const roots = new Set<string>();
  let ca = await open();
  let held: readonly Held[] = [];
  let late = ca.trustBundle();
  for (const endMs = testNowMs + days * DAY; clock.nowMs() < endMs; clock.advance(stepMs)) {
    const before = ca.trustBundle();
    ca = await open();
    const nowMs = clock.nowMs();
    const living = held.filter(({ renewAtMs }) => renewAtMs > nowMs);
    const { chainPem, facts } = await ca.issue(cart);
    const renewAtMs = nowMs + (facts.notAfterMs - nowMs) / 2;
    held = [...living, { chain: read(chainPem), renewAtMs }];
    for (const { chain } of held) {
      const when = `on day ${(nowMs - testNowMs) / DAY}`;
      assert.ok(isTrusted(chain, ca.trustBundle(), nowMs), `not trusted ${when}`);
      assert.ok(isTrusted(chain, late, nowMs), `not trusted by who hears late ${when}`);
    }
    for (const { id } of ca.trustBundle().authorities) roots.add(id);
    late = before;
  }
  return roots.size;
}

Deno.test("a year of rotations, opened anew at each step: no certificate in use is ever refused", async () => {
  const lives = { rootLifetimeMs: 60 * DAY, signerLifetimeMs: 20 * DAY, leafLifetimeMs: 4 * DAY };
  const settings = { ...defaultCaSettings, ...lives };
  const { clock, options } = await openTestCa({ settings });
  const open = () => BuiltInCa.open(options);
  const roots = await simulate({ open, clock, days: 365, stepMs: DAY });
  // Of its 60 days each root sees 30 before its successor is prepared.
  assert.equal(roots, 13);
});

Deno.test("minutes of rotations with lives of seconds", async () => {
  const settings = {
    ...defaultCaSettings,
    rootLifetimeMs: 600_000,
    signerLifetimeMs: 200_000,
    maxLeafLifetimeMs: 60_000,
    leafLifetimeMs: 60_000,
    overlapMs: 20_000,
  };
  const { clock, options } = await openTestCa({ settings });
  const open = () => BuiltInCa.open(options);
  const roots = await simulate({ open, clock, days: 1 / 24, stepMs: 20_000 });
  assert.equal(roots, 12);
});

const pauses: readonly (readonly [string, number])[] = [
  ["a day", DAY],
  ["until the successor is due", 340 * DAY],
  ["until the root signs no more", 360 * DAY],
  ["until the root has ended", 365 * DAY],
  ["three years", 1100 * DAY],
];

for (const [name, pauseMs] of pauses) {
  Deno.test(`after a pause of ${name} the CA issues what its bundle trusts`, async () => {
    const { ca, clock, options } = await openTestCa();
    await ca.issue(cart);
    clock.advance(pauseMs);
    const again = await BuiltInCa.open(options);
    const { chainPem } = await again.issue(cart);
    assert.ok(isTrusted(read(chainPem), again.trustBundle(), clock.nowMs()));
    assert.equal(statesOf(again).filter((state) => state === "active").length, 1);
    assert.ok(statesOf(again).length <= 2);
  });
}

Deno.test("a clock that jumps forth and back leaves a CA that issues again", async () => {
  const { ca, clock } = await openTestCa();
  clock.advance(350 * DAY);
  await ca.maintain();
  assert.deepEqual(statesOf(ca), ["active", "prepared"]);
  clock.advance(-350 * DAY);
  await ca.maintain();
  // The signer was replaced in the future: nothing may be issued before it begins.
  await assert.rejects(ca.issue(cart), refuses(/the clock must be within the life of its signer/));
  clock.advance(350 * DAY);
  const { chainPem } = await ca.issue(cart);
  assert.ok(isTrusted(read(chainPem), ca.trustBundle(), clock.nowMs()));
});

Deno.test("a root that was prepared long ago signs at once when it is activated", async () => {
  const { ca, clock } = await openTestCa();
  await ca.prepareRoot();
  clock.advance(40 * DAY);
  await ca.activateRoot();
  const { chainPem } = await ca.issue(cart);
  assert.ok(isTrusted(read(chainPem), ca.trustBundle(), clock.nowMs()));
});

Deno.test("activation changes no byte of the bundle", async () => {
  const { ca } = await openTestCa();
  await ca.issue(cart);
  await ca.prepareRoot();
  const before = ca.trustBundle().bundlePem;
  await ca.activateRoot({ force: true });
  assert.equal(ca.trustBundle().bundlePem, before);
});

Deno.test("lists that are asked for at the same time end with everything that is revoked", async () => {
  const { ca } = await openTestCa();
  const issued = await Promise.all([1, 2, 3, 4].map(() => ca.issue(cart)));
  await Promise.all([
    ...issued.map(({ facts }) => ca.revoke(facts.serial)),
    ca.maintain(),
    ca.prepareRoot(),
  ]);
  const blocks = readPem(ca.crlPem());
  assert.ok(blocks.ok);
  const revoked = blocks.value.flatMap(({ der }) =>
    testReader.readCrl(der)?.facts.revokedSerials ?? []
  );
  assert.deepEqual(revoked.toSorted(), issued.map(({ facts }) => facts.serial).toSorted());
});

Deno.test("replicas on one store: each step starts from what the other did", async () => {
  const { ca, clock, options } = await openTestCa();
  const other = await BuiltInCa.open(options);
  const events: AuthorityEvent["kind"][] = [];
  other.subscribe(({ kind }) => void events.push(kind));
  await ca.prepareRoot();
  await assert.rejects(other.prepareRoot(), refuses(/must be activated first/));
  clock.advance(HOUR);
  await other.activateRoot();
  assert.deepEqual(events, ["bundle-changed", "signer-changed"]);
  await assert.rejects(ca.retireRoot({ force: true }).then(() => other.retireRoot()));
  assert.deepEqual(statesOf(ca), ["active"]);
  assert.equal(other.trustBundle().bundlePem, ca.trustBundle().bundlePem);
  assert.equal(other.trustBundle().sequence, ca.trustBundle().sequence);
});

/** A store that answers later, as one in another process does. */
class SlowStore extends MemoryCaStore {
  override async save(state: CaState): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 1));
    super.save(state);
  }
}

Deno.test("replicas on one store: the first root and each step that is due are made once", async () => {
  const { options, clock } = await openTestCa({ store: new SlowStore() });
  const store = new SlowStore();
  const replicas = await Promise.all(
    [1, 2, 3].map(() => BuiltInCa.open({ ...options, store, clock })),
  );
  assert.deepEqual(store.load()?.revision, 1);
  const roots = new Set(replicas.map((each) => each.trustBundle().bundlePem));
  assert.equal(roots.size, 1);
  clock.advance(340 * DAY);
  await Promise.all(replicas.map((each) => each.maintain()));
  assert.deepEqual(replicas.map(statesOf), [1, 2, 3].map(() => ["active", "prepared"]));
  assert.equal(new Set(replicas.map((each) => each.trustBundle().bundlePem)).size, 1);
});

Deno.test("a root whose leaves may be unknown leaves no sooner than the last of them can end", async () => {
  const settings = { ...defaultCaSettings, unwrittenMs: 36 * HOUR };
  const { ca, clock } = await openTestCa({ settings });
  await ca.prepareRoot();
  clock.advance(HOUR);
  await ca.activateRoot();
  clock.advance(35 * HOUR);
  await assert.rejects(ca.retireRoot(), refuses(/its last certificate must have ended/));
  clock.advance(HOUR);
  await ca.retireRoot();
  assert.deepEqual(statesOf(ca), ["active"]);
});

// SPDX-License-Identifier: Apache-2.0
/**
 * What every counter store must do; run by the tests of each.
 * @module
 */
import assert from "node:assert/strict";
import { seededRandom, testCharge, testKey } from "../domain/algorithms/testing.ts";
import {
  type Algorithm,
  type Atomicity,
  type Charge,
  type Charged,
  type ChargeOutcome,
  type CounterStore,
  isStoreFailure,
} from "../domain/counter_store.ts";
import { chargeBundles } from "../domain/charge_bundles.ts";
import { windowStart } from "../domain/window.ts";
import { MemoryCounterStore } from "./memory_counter_store.ts";

const epoch = Date.UTC(2026, 0, 1);
const timeoutMs = 10_000;
const algorithms: readonly Algorithm[] = [
  { kind: "fixed-window" },
  { kind: "sliding-window" },
  { kind: "token-bucket" },
  { kind: "token-bucket", burst: 17 },
  { kind: "concurrency" },
];

let runs = 0;

/** Returns a prefix that no other check uses, also not in an earlier run on the same Redis. */
function uniqueKey(): string {
  return `contract_${Deno.pid}_${runs++}_`;
}

/** Returns what was charged; fails when the store says that it could not. */
export function chargedOf(outcome: ChargeOutcome): readonly Charged[] {
  if (isStoreFailure(outcome)) assert.fail(`the store failed: ${outcome.kind}, ${outcome.why}`);
  return outcome;
}

/** Returns the counts after a request, a `!` behind those that were over. */
async function counts(
  store: CounterStore,
  charges: readonly Charge[],
  { atomic = "each", atMs = 0 }: { readonly atomic?: Atomicity; readonly atMs?: number } = {},
): Promise<string> {
  const options = { nowMs: epoch + atMs, timeoutMs };
  const charged = chargedOf(await store.charge({ charges, atomic }, options));
  return charged.map(({ after, over }) => `${after}${over ? "!" : ""}`).join(" ");
}

const contract: Readonly<Record<string, (store: CounterStore) => Promise<void>>> = {
  async "counts a fixed window, also over the limit, and anew after it"(store) {
    const charge = testCharge({ key: uniqueKey(), limit: 2 });
    assert.equal(await counts(store, [charge]), "1");
    assert.equal(await counts(store, [charge]), "2");
    assert.equal(await counts(store, [charge], { atMs: 59_999 }), "3!");
    assert.equal(await counts(store, [{ ...charge, hits: 0 }], { atMs: 59_999 }), "3!");
    assert.equal(await counts(store, [charge], { atMs: 60_000 }), "1");
    assert.equal(await counts(store, [charge], { atMs: 59_000 }), "4!");
  },

  async "tells what remains and until when"(store) {
    const charge = testCharge({ key: uniqueKey() });
    const options = { nowMs: epoch + 12_345, timeoutMs };
    const charged = await store.charge({ charges: [charge], atomic: "each" }, options);
    const fromNearCache = false;
    const expected = { after: 1, over: false, remaining: 9, resetMs: 47_655, fromNearCache };
    assert.deepEqual(chargedOf(charged), [expected]);
  },

  async "keeps keys, windows and algorithms apart"(store) {
    const key = uniqueKey();
    const charges = [1, 60, 900].flatMap((windowSeconds) =>
      algorithms.filter(({ kind }) => kind !== "fixed-window" || windowSeconds > 1)
        .map((algorithm) => testCharge({ key, windowSeconds, algorithm }))
    ).filter(({ algorithm }) => !("burst" in algorithm));
    const ones = charges.map(() => "1").join(" ");
    assert.equal(await counts(store, charges), ones);
    const others = charges.map((charge) => ({ ...charge, key: testKey(uniqueKey()) }));
    assert.equal(await counts(store, others), ones);
  },

  async "charges a key that stands twice in a request in turn"(store) {
    for (const algorithm of algorithms) {
      const charge = testCharge({ key: uniqueKey(), algorithm, limit: 17, hits: 9 });
      const expected = algorithm.kind === "fixed-window" ? "9 18!" : "9 9!";
      assert.equal(await counts(store, [charge, charge]), expected, algorithm.kind);
    }
  },

  async "charges nothing when one of all is over"(store) {
    const many = ["a", "b", "c"].map((name) => testCharge({ key: `${uniqueKey()}${name}_` }));
    const [a, b, c] = many as [Charge, Charge, Charge];
    const atomic = "all-or-nothing";
    assert.equal(await counts(store, [a, b, { ...c, limit: 0 }], { atomic }), "0 0 0!");
    assert.equal(await counts(store, [a, b, c], { atomic }), "1 1 1");
    assert.equal(await counts(store, [a, { ...b, hits: 10 }, c], { atomic }), "1 1! 1");
    assert.equal(await counts(store, [{ ...a, hits: 10 }], { atomic }), "1!");
  },

  async "charges only what is over when one is"(store) {
    const [a, b] = [testCharge({ key: uniqueKey() }), testCharge({ key: uniqueKey(), limit: 1 })];
    const atomic = "over-only";
    assert.equal(await counts(store, [a, b], { atomic }), "1 1");
    assert.equal(await counts(store, [a, b], { atomic }), "1 2!");
  },

  async "refunds down to 0"(store) {
    for (const algorithm of algorithms) {
      const charge = testCharge({ key: uniqueKey(), algorithm, hits: 3 });
      assert.equal(await counts(store, [charge, charge]), "3 6");
      assert.equal(await counts(store, [{ ...charge, hits: 2, refund: true }]), "4");
      assert.equal(await counts(store, [{ ...charge, hits: 9, refund: true }]), "0");
      assert.equal(await counts(store, [charge]), "3");
    }
  },

  async "reads without a trace and resets"(store) {
    for (const algorithm of algorithms) {
      const charge = testCharge({ key: uniqueKey(), algorithm, hits: 3 });
      const options = { nowMs: epoch, timeoutMs };
      const [before] = chargedOf(await store.read([charge], options));
      assert.equal(before?.after, 0);
      assert.equal(await counts(store, [charge]), "3");
      const [read] = chargedOf(await store.read([charge], options));
      assert.deepEqual([read?.after, read?.remaining, read?.over], [
        3,
        "burst" in algorithm ? 14 : 7,
        false,
      ]);
      const [reset] = chargedOf(await store.reset([charge], options));
      assert.equal(reset?.after, 0);
      assert.equal(await counts(store, [charge]), "3");
    }
  },

  async "counts exactly when much arrives at once"(store) {
    const charge = testCharge({ key: uniqueKey(), limit: 300 });
    const all = Array.from({ length: 500 }, () => counts(store, [charge]));
    const seen = (await Promise.all(all)).map((text) => Number.parseInt(text)).sort((a, b) =>
      a - b
    );
    assert.deepEqual(seen, Array.from({ length: 500 }, (_, n) => n + 1));
  },

  async "admits by several windows at once what each of them has room for, and no more"(store) {
    for (let seed = 1; seed <= 6; seed++) await compareWithLedger(store, seed);
  },

  async "agrees with the model on any sequence of requests, with a clock that steps back"(store) {
    for (let seed = 1; seed <= 8; seed++) await compareWithModel(store, seed);
  },
};

/** Windows that count together, with a rule beside them that counts by itself. */
const windows: readonly Pick<Charge, "windowSeconds" | "limit" | "algorithm">[] = [
  { windowSeconds: 1, limit: 3, algorithm: { kind: "fixed-window" } },
  { windowSeconds: 10, limit: 8, algorithm: { kind: "fixed-window" } },
  { windowSeconds: 60, limit: 20, algorithm: { kind: "fixed-window" } },
];

/**
 * Charges several windows as one bundle and keeps a ledger of what was admitted: a request must pass
 * exactly when the ledger says that every window has room for it, and what did not pass must count
 * nowhere.
 */
async function compareWithLedger(store: CounterStore, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const key = `{${uniqueKey()}}_`;
  const ledger: { readonly atMs: number; readonly hits: number }[] = [];
  let [nowMs, beside] = [epoch, 0];
  for (let n = 0; n < 120; n++) {
    nowMs += random(900);
    const hits = random(4);
    const charges = windows.map((parts) => {
      const { windowSeconds } = parts;
      const perSecond = windowSeconds === 1;
      return testCharge({ ...parts, key: `${key}${windowSeconds}s_`, hits, perSecond, bundle: 1 });
    });
    const plain = testCharge({ key: `${key}beside_`, windowSeconds: 3_600, limit: 50, hits });
    const request = { charges: [plain, ...charges], atomic: "each" } as const;
    const [first, ...rest] = chargedOf(
      await chargeBundles(store, request, { nowMs, timeoutMs }),
    );
    const used = windows.map(({ windowSeconds }) => {
      const start = windowStart(nowMs, windowSeconds) * 1000;
      return ledger.reduce((sum, entry) => entry.atMs >= start ? sum + entry.hits : sum, 0);
    });
    const over = windows.map(({ limit }, at) => (used[at] ?? 0) + hits > limit);
    const passes = !over.includes(true);
    if (passes) ledger.push({ atMs: nowMs, hits });
    assert.deepEqual(rest.map((charged) => charged.over), over, `seed ${seed}, request ${n}`);
    const after = used.map((units) => passes ? units + hits : units);
    assert.deepEqual(rest.map((charged) => charged.after), after, `seed ${seed}, request ${n}`);
    assert.equal(first?.after, beside += hits);
  }
}

/** Makes the same requests of the store and of a fresh memory, whose algorithms are proven. */
async function compareWithModel(store: CounterStore, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const model = new MemoryCounterStore();
  // In braces, so that a cluster has all of them in one slot.
  const prefix = `{${uniqueKey()}}_`;
  let [latestMs, nowMs] = [epoch, epoch];
  for (let n = 0; n < 120; n++) {
    // Memory knows the last window but one no more; a shared store may.
    const stepMs = random(15) === 0 ? -random(20_000) : random(3_000);
    nowMs = Math.max(nowMs + stepMs, latestMs - 20_000);
    latestMs = Math.max(latestMs, nowMs);
    const charges = Array.from({ length: 1 + random(3) }, () => randomCharge(prefix, random));
    const atomic = (["each", "all-or-nothing", "over-only"] as const)[random(3)] ?? "each";
    const request = { charges, atomic };
    const options = { nowMs, timeoutMs };
    const got = chargedOf(await store.charge(request, options));
    const wanted = model.charge(request, options);
    assert.deepEqual(got, wanted, `seed ${seed}, request ${n}: ${JSON.stringify(request)}`);
  }
}

function randomCharge(prefix: string, random: (below: number) => number): Charge {
  const which = random(algorithms.length);
  return testCharge({
    key: `${prefix}${which}_`,
    algorithm: algorithms[which] ?? { kind: "fixed-window" },
    windowSeconds: 30,
    limit: 12,
    hits: random(6),
    refund: random(6) === 0,
  });
}

/** Runs the contract as steps of a test. */
export async function runCounterStoreContract(
  t: Deno.TestContext,
  store: CounterStore,
): Promise<void> {
  for (const [name, check] of Object.entries(contract)) await t.step(name, () => check(store));
}

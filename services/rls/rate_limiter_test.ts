// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { StatusCode, type StatusError } from "@denvoy/base";
import { FakeClock } from "@denvoy/base/testing";
import { Metrics } from "@denvoy/runtime";
import { MemoryCounterStore } from "./adapters/memory_counter_store.ts";
import type { ChargeOutcome, CounterStore, StoreFailure } from "./domain/counter_store.ts";
import { Sightings } from "./domain/sightings.ts";
import { entriesOf, limitsOf } from "./domain/testing.ts";
import { RlsInstruments } from "./metrics.ts";
import { type Decided, RateLimiter, type RateLimiterSettings } from "./rate_limiter.ts";

const set = limitsOf(`
domain: d
descriptors:
  - { key: plain, rate_limit: 2 per minute }
  - { key: other, rate_limit: 1 per minute }
  - { key: shadow, shadow_mode: true, rate_limit: 1 per minute }
  - { key: allow, rate_limit: { unit: minute, requests_per_unit: 2, on_store_failure: allow } }
  - { key: deny, rate_limit: { unit: minute, requests_per_unit: 2, on_store_failure: deny } }
  - { key: local, rate_limit: { unit: minute, requests_per_unit: 2, on_store_failure: local } }
  - { key: two, rate_limit: [2/minute, { unit: hour, requests_per_unit: 3, name: hourly }] }
`);

/** A store that fails, at once or later. */
class FailingStore extends MemoryCounterStore implements CounterStore {
  readonly #later: boolean;

  constructor(later: boolean) {
    super();
    this.#later = later;
  }

  override charge(): never {
    const failure: StoreFailure = { kind: "deadline", why: "no answer within 20 ms" };
    return (this.#later ? Promise.resolve(failure) : failure) as ChargeOutcome as never;
  }
}

const defaults: RateLimiterSettings = {
  ...{ shadowMode: false, quotaMode: false, nearRatio: 0.8, atomic: "each", keyPrefix: "" },
  ...{ timeoutMs: 20, onStoreFailure: "error" },
};

interface World {
  readonly limiter: RateLimiter;
  readonly metrics: Metrics;
}

function worldOf(
  { store, settings = {} }: {
    readonly store?: CounterStore;
    readonly settings?: Partial<RateLimiterSettings>;
  } = {},
): World {
  const clock = new FakeClock();
  const metrics = new Metrics({ service: "rls", clock });
  const local = new MemoryCounterStore();
  const limiter = new RateLimiter({
    limits: () => set,
    store: store ?? local,
    local,
    sightings: new Sightings({ hotKeys: 10 }),
    clock,
    instruments: new RlsInstruments(metrics),
    settings: { ...defaults, ...settings },
  });
  return { limiter, metrics };
}

function ask(limiter: RateLimiter, ...texts: readonly string[]): Decided | Promise<Decided> {
  const descriptors = texts.map((text) => ({ entries: entriesOf(text) }));
  return limiter.decide({ domain: "d", descriptors, hits: 1 });
}

async function verdicts(limiter: RateLimiter, text: string, count: number) {
  const found: string[] = [];
  for (let index = 0; index < count; index++) {
    found.push((await ask(limiter, text)).decision.verdict);
  }
  return found;
}

function isUnavailable(error: StatusError): boolean {
  return error.code === StatusCode.UNAVAILABLE && /no answer within 20 ms/.test(error.message);
}

Deno.test("RateLimiter.decide() answers without a promise when the store does", () => {
  const { limiter } = worldOf();
  assert.equal(ask(limiter, "plain=1") instanceof Promise, false);
});

for (const later of [false, true]) {
  Deno.test(`RateLimiter.decide() goes by each limit's policy when the store fails (${later ? "later" : "at once"})`, async () => {
    const { limiter } = worldOf({ store: new FailingStore(later) });
    await assert.rejects(async () => await ask(limiter, "plain=1"), isUnavailable);
    await assert.rejects(async () => await ask(limiter, "allow=1", "plain=1"), isUnavailable);
    assert.deepEqual(await verdicts(limiter, "allow=1", 3), ["ok", "ok", "ok"]);
    assert.deepEqual(await verdicts(limiter, "deny=1", 1), ["over-limit"]);
    assert.deepEqual(await verdicts(limiter, "local=1", 3), ["ok", "ok", "over-limit"]);
    assert.deepEqual(await verdicts(limiter, "shadow=1", 2), ["ok", "ok"]);
    assert.deepEqual(await verdicts(limiter, "nobody=1", 1), ["ok"], "no limit, no store");
  });
}

Deno.test("RateLimiter.decide() goes by the service's policy where a limit has none", async () => {
  const settings = { onStoreFailure: "deny" } as const;
  const { limiter } = worldOf({ store: new FailingStore(true), settings });
  assert.deepEqual(await verdicts(limiter, "plain=1", 1), ["over-limit"]);
});

Deno.test("RateLimiter.decide() charges none of a request's limits when one is over, if asked to", async () => {
  const { limiter } = worldOf({ settings: { atomic: "all-or-nothing" } });
  assert.equal((await ask(limiter, "plain=1", "other=1")).decision.verdict, "ok");
  assert.equal((await ask(limiter, "plain=1", "other=1")).decision.verdict, "over-limit");
  assert.deepEqual(await verdicts(limiter, "plain=1", 2), ["ok", "over-limit"]);
});

Deno.test("RateLimiter.decide() counts several limits of a rule together, each in its own series", async () => {
  const { limiter, metrics } = worldOf();
  assert.deepEqual(await verdicts(limiter, "two=1", 4), ["ok", "ok", "over-limit", "over-limit"]);
  const text = await metrics.scrape();
  for (
    const line of [
      'rls_hits_total{domain="d",rule="two",window="minute"} 4',
      'rls_over_limit_total{domain="d",rule="two",window="minute"} 2',
      'rls_within_limit_total{domain="d",rule="two",window="hourly"} 2',
      'rls_over_limit_total{domain="d",rule="two",window="hourly"} 0',
    ]
  ) assert.equal(text.includes(`${line}\n`), true, `${line} in\n${text}`);
});

Deno.test("RateLimiter.decide() counts answers, units and descriptors without a limit", async () => {
  const { limiter, metrics } = worldOf();
  await verdicts(limiter, "plain=1", 3);
  await verdicts(limiter, "nobody=1", 1);
  await verdicts(limiter, "shadow=1", 2);
  const text = await metrics.scrape();
  const lines = [
    'rls_decisions_total{decision="ok"} 5',
    'rls_decisions_total{decision="over_limit"} 1',
    'rls_hits_total{domain="d",rule="plain",window=""} 3',
    'rls_within_limit_total{domain="d",rule="plain",window=""} 2',
    'rls_over_limit_total{domain="d",rule="plain",window=""} 1',
    'rls_shadow_over_limit_total{domain="d",rule="shadow",window=""} 1',
    'rls_unmatched_descriptors_total{reason="no_rule"} 1',
  ];
  for (const line of lines) assert.equal(text.includes(`${line}\n`), true, `${line} in\n${text}`);
});

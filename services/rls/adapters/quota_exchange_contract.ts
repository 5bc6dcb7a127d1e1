// SPDX-License-Identifier: Apache-2.0
/**
 * What replicas may expect of each other, whatever they meet in.
 * @module
 */
import assert from "node:assert/strict";
import type { NamedClaim, QuotaExchange } from "../domain/quota_exchange.ts";

/** What a suite is run on. */
export interface ExchangeHarness {
  /** Returns the way to the others of a replica by its name. */
  open(replica: string): Promise<QuotaExchange>;
  /** Has claims run out that last `ttlMs`, or waits for it. */
  outlast(ttlMs: number): Promise<void>;
}

/** Replicas by name that claim parts of one limit, and remember theirs. */
class Claimants {
  readonly #harness: ExchangeHarness;
  readonly #key: string;
  readonly #open = new Map<string, Promise<QuotaExchange>>();
  readonly #parts = new Map<string, number>();

  constructor(harness: ExchangeHarness, key: string) {
    this.#harness = harness;
    this.#key = key;
  }

  async claim(
    replica: string,
    claim: Partial<NamedClaim> & { readonly want: number; readonly ttlMs?: number },
  ): Promise<number> {
    const { ttlMs = 60_000, ...rest } = claim;
    const part = this.#parts.get(replica) ?? 0;
    const whole = { key: this.#key, members: 1, held: 0, part, ...rest };
    const [grant] = await (await this.exchange(replica)).claim([whole], { ttlMs });
    this.#parts.set(replica, grant?.part ?? -1);
    return Math.round((grant?.part ?? -1) * 100);
  }

  async release(replica: string): Promise<void> {
    await (await this.exchange(replica)).release([this.#key]);
  }

  exchange(replica: string): Promise<QuotaExchange> {
    const known = this.#open.get(replica) ?? this.#harness.open(replica);
    this.#open.set(replica, known);
    return known;
  }

  async close(): Promise<void> {
    for (const exchange of this.#open.values()) await (await exchange).close();
  }
}

const promises: Readonly<Record<string, (claimants: Claimants) => Promise<void>>> = {
  "one replica has all, whatever it wants": async (all) => {
    assert.equal(await all.claim("a", { want: 0.1 }), 100);
  },
  "another gets its part when the first has given it": async (all) => {
    await all.claim("a", { want: 1 });
    assert.equal(await all.claim("b", { want: 1 }), 0, "there is nothing yet");
    assert.equal(await all.claim("a", { want: 1, held: 1 }), 50, "half is to be given");
    assert.equal(await all.claim("b", { want: 1 }), 0, "but may be in use still");
    assert.equal(await all.claim("a", { want: 1, held: 0.5 }), 50);
    assert.equal(await all.claim("b", { want: 1 }), 50);
  },
  "replicas count as often as they have members": async (all) => {
    await all.claim("a", { want: 1, members: 3 });
    await all.claim("b", { want: 1 });
    assert.equal(await all.claim("a", { want: 1, members: 3 }), 75);
    assert.equal(await all.claim("b", { want: 1 }), 25);
  },
  "who wants little gets it, and what nobody wants is spread evenly": async (all) => {
    await all.claim("a", { want: 0.2 });
    await all.claim("b", { want: 0.4 });
    assert.equal(await all.claim("a", { want: 0.2 }), 40);
    assert.equal(await all.claim("b", { want: 0.4 }), 60);
    await all.claim("b", { want: 0.9 });
    assert.equal(await all.claim("a", { want: 0.2 }), 20);
    assert.equal(await all.claim("b", { want: 0.9 }), 80);
  },
  "small changes change no part": async (all) => {
    await all.claim("a", { want: 0.8 });
    await all.claim("b", { want: 0.5 });
    assert.equal(await all.claim("a", { want: 0.8 }), 50);
    assert.equal(await all.claim("b", { want: 0.5 }), 50);
    await all.claim("b", { want: 0.49 });
    assert.equal(await all.claim("a", { want: 0.8 }), 50);
  },
  "what is released is free at once": async (all) => {
    await all.claim("a", { want: 1 });
    await all.release("a");
    assert.equal(await all.claim("b", { want: 1 }), 100);
  },
  "several limits are claimed together, each for itself": async (all) => {
    const exchange = await all.exchange("a");
    const claims = Array.from({ length: 50 }, (_, index) => ({
      ...{ key: `${crypto.randomUUID()}-${index}`, members: 1, want: 1, held: 0, part: 0 },
    }));
    const grants = await exchange.claim(claims, { ttlMs: 1000 });
    assert.deepEqual(grants, claims.map(() => ({ part: 1, replicas: 1 })));
  },
};

/** Registers a test for every promise. */
export function quotaExchangeContract(
  name: string,
  withHarness: (body: (harness: ExchangeHarness) => Promise<void>) => Promise<void>,
): void {
  Deno.test(`${name} keeps what replicas expect of each other`, async (test) => {
    await withHarness(async (harness) => {
      for (const [promise, proof] of Object.entries(promises)) {
        await test.step(promise, () => prove(harness, proof));
      }
      await test.step("a claim that is not made again is free", () => proveEnd(harness));
    });
  });
}

async function prove(
  harness: ExchangeHarness,
  proof: (claimants: Claimants) => Promise<void>,
): Promise<void> {
  const claimants = new Claimants(harness, `["d","${crypto.randomUUID()}"]`);
  try {
    await proof(claimants);
  } finally {
    await claimants.close();
  }
}

async function proveEnd(harness: ExchangeHarness): Promise<void> {
  await prove(harness, async (all) => {
    await all.claim("a", { want: 1, ttlMs: 200 });
    await harness.outlast(200);
    assert.equal(await all.claim("b", { want: 1 }), 100);
  });
}

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { FakeClock } from "@denvoy/base/testing";
import { MemoryCounterStore } from "./adapters/memory_counter_store.ts";
import { counterKeyText } from "./domain/counter_key.ts";
import type {
  Charge,
  ChargeOptions,
  ChargeOutcome,
  ChargeRequest,
  StoreHealth,
} from "./domain/counter_store.ts";
import { warmUp } from "./warm_up.ts";

/** Answers later, as Redis does; fails when it is to. */
class LateStore extends MemoryCounterStore {
  readonly charged: ChargeRequest[] = [];
  readonly emptied = new Set<string>();
  fails = false;

  override charge(request: ChargeRequest, options: ChargeOptions): never {
    this.charged.push(request);
    const outcome: ChargeOutcome = this.fails
      ? { kind: "deadline", why: "no answer" }
      : super.charge(request, options);
    return Promise.resolve(outcome) as unknown as never;
  }

  override reset(charges: readonly Charge[], options: ChargeOptions): never {
    for (const { key } of charges) this.emptied.add(counterKeyText(key));
    return Promise.resolve(super.reset(charges, options)) as unknown as never;
  }

  override health(): StoreHealth & { readonly kind: "serving" } {
    return { kind: "serving" };
  }
}

function warm(store: MemoryCounterStore): Promise<void> {
  return warmUp({
    store,
    local: store,
    clock: new FakeClock(),
    settings: {
      ...{ shadowMode: false, quotaMode: false, nearRatio: 0.8, atomic: "each", keyPrefix: "p_" },
      ...{ timeoutMs: 20, onStoreFailure: "error" },
    },
    responses: {
      headers: { style: "none", limit: "L", remaining: "R", reset: "T" },
      dynamicMetadata: false,
    },
  });
}

Deno.test("warmUp() asks for every kind of counter with 0 hits under private keys, and leaves none", async () => {
  const store = new LateStore();
  await warm(store);
  const charges = store.charged.flatMap(({ charges }) => charges);
  assert.ok(charges.length > 0);
  assert.ok(
    charges.every(({ key, hits }) =>
      counterKeyText(key).startsWith("p_denvoy_warm_up_") && hits === 0
    ),
  );
  const kinds = new Set(
    charges.map(({ algorithm, perSecond }) => `${algorithm.kind} ${perSecond}`),
  );
  assert.deepEqual(
    [...kinds].sort(),
    ["fixed-window false", "fixed-window true", "sliding-window false", "sliding-window true"],
  );
  assert.deepEqual(store.emptied, new Set(charges.map(({ key }) => counterKeyText(key))));
});

Deno.test("warmUp() ends with the first failure of the store", async () => {
  const store = new LateStore();
  store.fails = true;
  await warm(store);
  assert.equal(store.charged.length, 2, "one round");
});

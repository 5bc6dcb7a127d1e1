// SPDX-License-Identifier: Apache-2.0
/**
 * Replicas of metrics as far as their totals go, on a Redis of any kind.
 * @module
 */
import assert from "node:assert/strict";
import { RedisSharedTotals } from "@denvoy/metrics/shared_totals";
import { keepsTotals } from "@denvoy/metrics/totals_store_contract";
import { openRedisLink, type RedisSettings } from "@denvoy/redis";
import { systemClock } from "@denvoy/runtime";
import { eventually } from "../support/mod.ts";

/** One replica's way to them. Disposing it closes it. */
export type TotalsReplica = RedisSharedTotals & AsyncDisposable;

/** Returns a replica that is connected and has said that it is there. */
export async function openTotals(settings: RedisSettings, replica: string): Promise<TotalsReplica> {
  const link = openRedisLink(settings);
  await eventually(() => link.ready(), { what: "a connection", withinMs: 20_000 });
  const options = { link, replica, keyPrefix: "test:", leaseMs: 60_000, forgetMs: 60_000 };
  const store = new RedisSharedTotals({ ...options, clock: systemClock });
  await store.beat();
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}

/** Puts two replicas on an empty Redis to the test of the contract: what one writes, the other has. */
export async function keepTotalsOn(settings: RedisSettings): Promise<void> {
  await using first = await openTotals(settings, "a");
  await using second = await openTotals(settings, "b");
  let [writer, reader] = [first, second];
  await keepsTotals({
    async write(nodes) {
      for (const node of nodes) {
        const { id } = node.info;
        assert.notEqual((await writer.claim(id, "newest")).kind, "refused");
        const saved = await writer.save(writer.record(node), { give: true, open: false });
        assert.equal(saved, "kept");
      }
    },
    async read(id) {
      const claim = await reader.claim(id, "newest");
      assert.ok(claim.kind === "taken");
      await reader.give(id);
      [writer, reader] = [reader, writer];
      return claim.totals;
    },
  });
}

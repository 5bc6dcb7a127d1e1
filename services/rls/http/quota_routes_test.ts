// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { FakeClock } from "@denvoy/base/testing";
import { Metrics } from "@denvoy/runtime";
import { QuotaBook } from "../domain/quota_book.ts";
import { testQuotaSettings } from "../domain/testing/simulated_fleet.ts";
import { limitsOf } from "../domain/testing.ts";
import { observeQuotas, QuotaInstruments } from "../quota_metrics.ts";
import { QuotaTicker } from "../quota_ticker.ts";
import { quotaListing } from "./quota_routes.ts";

class World {
  readonly clock = new FakeClock();
  readonly metrics = new Metrics({ service: "rls", clock: this.clock });
  readonly book: QuotaBook;

  constructor() {
    const observer = new QuotaInstruments(this.metrics);
    this.book = new QuotaBook({ settings: testQuotaSettings, observer });
    observeQuotas(this.metrics, this.book);
    const rules = "domain: d\ndescriptors: [{key: k, rate_limit: 60000 per minute}, {key: free, " +
      "rate_limit: {unlimited: true}}]";
    this.book.takeRules(limitsOf(rules), this.clock.monotonicMs());
  }

  report(name: string, bucketId: Record<string, string>, denied: number) {
    const now = () => this.clock.monotonicMs();
    const client = { name, address: "10.0.0.1:5", identity: name };
    const stream = this.book.open(client, now());
    const usage = { bucketId, allowed: 5, denied, elapsedSeconds: 1 };
    stream.report({ domain: "d", usages: [usage] }, now());
    stream.pull(now(), 10);
    return stream;
  }
}

Deno.test("GET /v1/quotas shows what each Envoy wants and has", () => {
  const world = new World();
  world.report("a", { k: "v" }, 5);
  world.report("b", { free: "x" }, 0);
  assert.deepEqual(JSON.parse(JSON.stringify(quotaListing(world, {}))), {
    quotas: [{
      domain: "d",
      rule: "d.k",
      limit: {
        requests_per_unit: 60_000,
        ...{ unit: "minute", unit_multiplier: 1, name: "", algorithm: "fixed_window" },
      },
      shadow_mode: false,
      ...{
        limit_per_second: 1000,
        part: 1,
        held_per_second: 1000,
        demand_per_second: 10,
        bucket_count: 1,
      },
      buckets: [{
        ...{ node: "a", address: "10.0.0.1:5", bucket: { k: "v" } },
        ...{ demand_per_second: 10, assigned_per_second: 1000 },
        assignment: {
          kind: "token_bucket",
          ...{ max_tokens: 60_000, tokens_per_fill: 60_000, fill_interval: "60s" },
        },
        expires_at: "2026-01-01T00:00:30.000Z",
      }],
    }, {
      ...{ domain: "d", rule: "d.free", limit: { unlimited: true, name: "" }, shadow_mode: false },
      ...{ demand_per_second: 5, bucket_count: 1 },
      buckets: [{
        ...{ node: "b", address: "10.0.0.1:5", bucket: { free: "x" }, demand_per_second: 5 },
        ...{ assignment: { kind: "allow_all" }, expires_at: "2026-01-01T00:00:30.000Z" },
      }],
    }],
    streams: ["a", "b"].map((node) => ({
      ...{ node, address: "10.0.0.1:5", domain: "d", buckets: 1 },
      since: "2026-01-01T00:00:00.000Z",
    })),
  });
});

Deno.test("GET /v1/quotas shows one domain, and a bounded number of buckets", () => {
  const world = new World();
  for (let index = 0; index < 5; index++) world.report(`e${index}`, { k: "v" }, 0);
  const other = quotaListing(world, { domain: "x" });
  assert.deepEqual(other, { quotas: [], streams: [] });
  const { quotas: [quota] } = JSON.parse(JSON.stringify(quotaListing(world, { max: 2 })));
  assert.deepEqual([quota.bucket_count, quota.buckets.length], [5, 2]);
});

Deno.test("metrics show streams and buckets, and what is assigned beside what is wanted", async () => {
  const world = new World();
  world.report("a", { k: "v" }, 5);
  world.report("b", { other: "v" }, 0);
  const lines = (await world.metrics.scrape()).split("\n");
  const expected = [
    "rls_quota_streams 2",
    "rls_quota_buckets 1",
    "rls_quota_limits 1",
    'rls_quota_requests_total{domain="d",rule="k",verdict="allowed"} 5',
    'rls_quota_requests_total{domain="d",rule="k",verdict="denied"} 5',
    'rls_quota_actions_total{kind="token_bucket"} 1',
    'rls_quota_actions_total{kind="abandon"} 1',
    'rls_quota_refused_buckets_total{reason="no_rule"} 1',
    'rls_quota_assigned_per_second{domain="d",rule="k"} 1000',
    'rls_quota_demand_per_second{domain="d",rule="k"} 10',
  ];
  for (const line of expected) assert.ok(lines.includes(line), line);
});

Deno.test("QuotaTicker renews assignments while there are any, and rests afterwards", () => {
  const world = new World();
  const stream = world.report("a", { k: "v" }, 5);
  using ticker = new QuotaTicker(world.book, world.clock);
  ticker.wake();
  const renewals = [10, 10, 10].map((seconds) => {
    world.clock.advance(seconds * 1000);
    return stream.pull(world.clock.monotonicMs(), 10).length;
  });
  assert.deepEqual(renewals, [0, 1, 0]);
  world.book.close(stream, world.clock.monotonicMs());
  world.clock.advance(60_000);
  assert.equal(world.book.isAtRest, true);
  assert.equal(world.book.limits, 0);
});

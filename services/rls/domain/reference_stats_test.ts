// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  type ReferenceCounts,
  referencePrometheusText,
  referenceStats,
} from "./reference_stats.ts";
import { StatsdLines } from "./statsd_lines.ts";

const totals = {
  ...{ total: 5, within: 2, near: 1, over: 3, overFromCache: 1, shadow: 0, refunded: 0 },
};
const counts: ReferenceCounts = {
  rules: [
    { domain: "d", rule: "ip_10.0.0.1.path_/a|b:c", window: "", totals },
    { domain: "d", rule: "ip_10.0.0.1.path_/a|b:c.deep", window: "", totals },
    { domain: "d", rule: "k", window: "hourly", totals },
  ],
  domainsNotFound: new Map([["gone", 4]]),
  ...{ loads: 2, refusedLoads: 1, shadowed: 0, storeErrors: 7, serviceErrors: 3, requests: 20 },
  connections: { "main": 1, "per-second": 0 },
  localCache: { entries: 1, hits: 2, misses: 3, evicted: 0, expired: 0 },
};

Deno.test("referenceStats() has the names of envoyproxy/ratelimit", () => {
  const shown = referenceStats(counts).map(({ name, value }) => `${name} ${value}`);
  for (
    const line of [
      "ratelimit.service.rate_limit.d.ip_10_0_0_1.path_/a_b_c.total_hits 5",
      "ratelimit.service.rate_limit.d.ip_10_0_0_1.path_/a_b_c.over_limit_with_local_cache 1",
      "ratelimit.service.rate_limit.d.k.hourly.near_limit 1",
      "ratelimit.service.rate_limit.gone.domain_not_found 4",
      "ratelimit.service.config_load_success 2",
      "ratelimit.service.config_load_error 1",
      "ratelimit.service.call.should_rate_limit.redis_error 7",
      "ratelimit_server.ShouldRateLimit.total_requests 20",
      "ratelimit.redis_pool.cx_active 1",
      "ratelimit.localcache.lookupCount 5",
    ]
  ) assert.ok(shown.includes(line), `${line} in\n${shown.join("\n")}`);
});

Deno.test("referencePrometheusText() has the labels of envoyproxy/ratelimit, deeper levels added up", () => {
  const lines = referencePrometheusText(counts).split("\n");
  for (
    const line of [
      "# TYPE ratelimit_service_rate_limit_total_hits counter",
      'ratelimit_service_rate_limit_total_hits{domain="d",key1="ip_10_0_0_1",key2="path_/a_b_c"} 10',
      'ratelimit_service_rate_limit_over_limit{domain="d",key1="k",key2="hourly"} 3',
      'ratelimit_service_should_rate_limit_error{err_type="redis_error"} 7',
      "ratelimit_service_config_load_error 1",
    ]
  ) assert.ok(lines.includes(line), `${line} in\n${lines.join("\n")}`);
});

Deno.test("StatsdLines sends what grew since it was last sent, and gauges as they are", () => {
  const counter = (value: number) => ({ name: "a.b", kind: "counter", value }) as const;
  const gauge = { name: "g", kind: "gauge", value: 3 } as const;
  const lines = new StatsdLines({ format: "statsd", tags: {} });
  assert.deepEqual(lines.due([counter(2), gauge]), ["a.b:2|c", "g:3|g"]);
  assert.deepEqual(lines.due([counter(5)]), ["a.b:5|c"], "what was not sent is due again");
  lines.sent([counter(5)]);
  assert.deepEqual(lines.due([counter(5)]), []);
  assert.deepEqual(lines.due([counter(6)]), ["a.b:1|c"]);
});

Deno.test("StatsdLines writes tags into the name or behind the value", () => {
  const stats = [{ name: "a", kind: "counter", value: 1 }] as const;
  const tags = { zone: "eu.1", env: "prod" };
  assert.deepEqual(new StatsdLines({ format: "statsd", tags }).due(stats), [
    "a.__env=prod.__zone=eu_1:1|c",
  ]);
  assert.deepEqual(new StatsdLines({ format: "dogstatsd", tags }).due(stats), [
    "a:1|c|#env:prod,zone:eu.1",
  ]);
});

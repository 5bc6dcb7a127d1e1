// SPDX-License-Identifier: Apache-2.0
// What dashboards and scripts of envoyproxy/ratelimit look at is where its variables say.
import assert from "node:assert/strict";
import { eventually, freePort, startDenvoyRls } from "../support/mod.ts";

const limits = { "d.yaml": "{domain: d, descriptors: [{key: k, rate_limit: 1 per year}]}" };
const body = JSON.stringify({
  domain: "d",
  descriptors: [{ entries: [{ key: "k", value: "v" }] }],
});

async function textOf(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

Deno.test("debug port, Prometheus port and statsd tell what was counted, by the reference's variables", async () => {
  const statsd = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [debugPort, prometheusPort] = [freePort(), freePort()];
  const received: string[] = [];
  const receiving = (async () => {
    for await (const connection of statsd) {
      received.push(await new Response(connection.readable).text());
    }
  })();
  const addresses = [debugPort, prometheusPort, statsd.addr.port].map((port) =>
    `127.0.0.1:${port}`
  );
  await using rls = await startDenvoyRls({
    limits,
    env: {
      ...{ DEBUG_PORT: String(debugPort), USE_PROMETHEUS: "true" },
      ...{ PROMETHEUS_ADDR: `127.0.0.1:${prometheusPort}`, PROMETHEUS_PATH: "/m" },
      ...{ STATSD_HOST: "127.0.0.1", STATSD_PORT: String(statsd.addr.port) },
      ...{ STATS_FLUSH_INTERVAL: "100ms", EXTRA_TAGS: "env:test", REDIS_POOL_SIZE: "10" },
    },
    connects: addresses,
  });
  for (const status of [200, 429, 429]) {
    const response = await fetch(`${rls.httpUrl}/json`, { method: "POST", body });
    await response.body?.cancel();
    assert.equal(response.status, status);
  }
  const [debug, prometheus] = [
    `http://127.0.0.1:${debugPort}`,
    `http://127.0.0.1:${prometheusPort}`,
  ];
  assert.match(await textOf(`${debug}/`), /^\/rlconfig: .*\n\/stats: /);
  assert.equal(
    await textOf(`${debug}/rlconfig`),
    "d.k: unit=YEAR requests_per_unit=1, shadow_mode: false, quota_mode: false\n",
  );
  assert.match(
    await textOf(`${debug}/stats`),
    /^ratelimit\.service\.rate_limit\.d\.k\.over_limit: 2$/m,
  );
  assert.match(
    await textOf(`${prometheus}/m`),
    /^ratelimit_service_rate_limit_over_limit\{domain="d",key1="k"\} 2$/m,
  );
  const sum = () =>
    [
      ...received.join("").matchAll(
        /^ratelimit\.service\.rate_limit\.d\.k\.total_hits\.__env=test:(\d+)\|c$/gm,
      ),
    ]
      .reduce((total, [, count]) => total + Number(count), 0);
  await eventually(() => Promise.resolve(sum() === 3), {
    what: "statsd to be told of three hits",
    detail: () => received.join(""),
  });
  assert.ok(rls.child.lines.some((line) => line.includes("REDIS_POOL_SIZE")));
  statsd.close();
  await receiving.catch(() => {});
});

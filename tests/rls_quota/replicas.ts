// SPDX-License-Identifier: Apache-2.0
/**
 * Several replicas of rls on one Redis, with clients that say how much they need.
 * @module
 */
import assert from "node:assert/strict";
import {
  type DenvoyRls,
  eventually,
  type Redis,
  startDenvoyRls,
  startRedis,
} from "../support/mod.ts";
import { QuotaClient } from "./quota_client.ts";

const limits = {
  "shop.yaml": "domain: shop\ndescriptors: [{key: plan, rate_limit: 100 per second}]",
};

/** The machine may be busy. */
const patient = { withinMs: 40_000 };

function startReplica(redis: Redis): Promise<DenvoyRls> {
  const address = `127.0.0.1:${redis.port}`;
  return startDenvoyRls({
    limits,
    flags: ["--redis-url", address, "--quota-ttl", "2s"],
    connects: [address],
  });
}

async function readiness(rls: DenvoyRls): Promise<string> {
  return await (await fetch(`${rls.httpUrl}/readyz`)).text();
}

/** Replicas share a limit, outlive each other, and Redis. */
export async function replicas(): Promise<void> {
  await using redis = await startRedis();
  await using one = await startReplica(redis);
  await using two = await startReplica(redis);
  const detail = () => `${one.child.lastWords()}\n${two.child.lastWords()}`;
  await using a = new QuotaClient(one.grpcAddress, { node: "a", demand: 500 });
  await eventually(() => a.rate === 100, { ...patient, what: "a to have all", detail });

  await using b = new QuotaClient(two.grpcAddress, { node: "b", demand: 500 });
  await eventually(() => b.rate > 45 && a.rate + b.rate <= 100, {
    ...patient,
    what: "halves",
    detail,
  });
  await using c = new QuotaClient(two.grpcAddress, { node: "c", demand: 500 });
  await eventually(() => {
    assert.ok(a.rate < 36 && b.rate > 30 && c.rate > 30, `${a.rate} ${b.rate} ${c.rate}`);
    return a.rate + b.rate + c.rate <= 100;
  }, { ...patient, what: "thirds", detail });

  [b.demand, c.demand] = [1, 1];
  await eventually(() => a.rate > 75, { ...patient, what: "a to have what b and c leave", detail });
  [b.demand, c.demand] = [500, 500];
  await eventually(() => a.rate < 36 && b.rate > 30 && c.rate > 30, {
    ...patient,
    what: "thirds",
    detail,
  });

  two.child.kill("SIGKILL");
  await eventually(() => a.rate > 95, { ...patient, what: "a to have what the dead had", detail });

  redis.child.kill("SIGKILL");
  await eventually(async () => /quotas.*go on with the parts/s.test(await readiness(one)), {
    ...{ ...patient, what: "rls to say that Redis is gone", detail },
  });
  await using d = new QuotaClient(one.grpcAddress, { node: "d", demand: 500 });
  await eventually(() => d.rate > 45 && a.rate + d.rate <= 100, {
    ...patient,
    what: "halves",
    detail,
  });

  await using again = await startRedis({ port: redis.port });
  await eventually(async () => !/go on with the parts/.test(await readiness(one)), {
    ...{ ...patient, what: "rls to find Redis again", detail },
  });
  await using three = await startReplica(again);
  await using e = new QuotaClient(three.grpcAddress, { node: "e", demand: 500 });
  await eventually(() => e.rate > 30 && a.rate + d.rate + e.rate <= 100, {
    ...{ ...patient, what: "thirds", detail: () => three.child.lastWords() },
  });
  assert.deepEqual([a.error, d.error, e.error], [undefined, undefined, undefined]);
}

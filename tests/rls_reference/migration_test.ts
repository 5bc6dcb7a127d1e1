// SPDX-License-Identifier: Apache-2.0
/**
 * A migration, in either direction: Denvoy and envoyproxy/ratelimit count in one Redis at the same
 * time, and what both let through together is the limit, exactly.
 */
import assert from "node:assert/strict";
import { connectGrpc } from "@denvoy/grpc";
import { getRateLimitReference } from "@denvoy/tools/real_parts";
import { eventually, startDenvoyRls, startRedis } from "../support/mod.ts";
import { ask, type Service } from "./answer.ts";
import { startReference } from "./reference.ts";
import type { RequestFields } from "./requests.ts";

const reference = await getRateLimitReference();
const skipped = reference.kind === "built" ? "" : ` (skipped: ${reference.reason})`;

const limits = {
  "shop.yaml": `
domain: shop
descriptors:
  - { key: alternating, rate_limit: { unit: year, requests_per_unit: 20 } }
  - { key: to_denvoy, rate_limit: { unit: month, requests_per_unit: 20 } }
  - { key: to_reference, rate_limit: { unit: week, requests_per_unit: 20 } }
  - { key: at_once, rate_limit: { unit: year, requests_per_unit: 50 } }
`,
};

Deno.test({
  name: `Denvoy and envoyproxy/ratelimit count as one in one Redis${skipped}`,
  ignore: reference.kind !== "built",
  async fn(t) {
    if (reference.kind !== "built") return;
    await using redis = await startRedis();
    const address = `127.0.0.1:${redis.port}`;
    const env = { REDIS_URL: address };
    await using theirs = await startReference({ program: reference.path, limits, env });
    const flags = ["--store-timeout", "10s"];
    await using ours = await startDenvoyRls({ limits, env, connects: [address], flags });
    await using ourClient = connectGrpc({ address: ours.grpcAddress });
    await using theirClient = connectGrpc({ address: theirs.grpcAddress });
    const denvoy = { client: ourClient, httpUrl: ours.httpUrl };
    const other = { client: theirClient, httpUrl: theirs.httpUrl };
    await untilServing(denvoy);

    await t.step("in turn", async () => {
      const order = Array.from({ length: 24 }, (_, n) => n % 2 === 0 ? denvoy : other);
      assert.deepEqual(await left(order, "alternating"), [...countdown(20), 0, 0, 0, 0]);
    });
    await t.step("from the reference to Denvoy", async () => {
      const order = Array.from({ length: 24 }, (_, n) => n < 12 ? other : denvoy);
      assert.deepEqual(await left(order, "to_denvoy"), [...countdown(20), 0, 0, 0, 0]);
    });
    await t.step("from Denvoy to the reference", async () => {
      const order = Array.from({ length: 24 }, (_, n) => n < 12 ? denvoy : other);
      assert.deepEqual(await left(order, "to_reference"), [...countdown(20), 0, 0, 0, 0]);
    });
    await t.step("at once", async () => {
      const order = Array.from({ length: 120 }, (_, n) => n % 2 === 0 ? denvoy : other);
      const codes = await Promise.all(order.map((one) => overallCode(one, "at_once")));
      assert.equal(codes.filter((code) => code === 1).length, 50);
    });
  },
});

function requestFor(key: string): RequestFields {
  return { domain: "shop", descriptors: [{ entries: [{ key, value: "v" }] }] };
}

function countdown(from: number): number[] {
  return Array.from({ length: from }, (_, n) => from - 1 - n);
}

/** Returns what each was told that it has left. */
async function left(order: readonly Service[], key: string): Promise<readonly unknown[]> {
  const told: unknown[] = [];
  for (const service of order) {
    const answer = await ask(service, { request: requestFor(key), way: "grpc" });
    if (answer.kind === "refused") assert.fail(answer.why);
    const [status] = answer.fields.statuses as readonly { readonly limitRemaining: number }[];
    told.push(status?.limitRemaining);
  }
  return told;
}

async function overallCode(service: Service, key: string): Promise<unknown> {
  const answer = await ask(service, { request: requestFor(key), way: "grpc" });
  return answer.kind === "refused" ? answer.why : answer.fields.overallCode;
}

/** A first request counts elsewhere. */
async function untilServing(service: Service): Promise<void> {
  await eventually(async () => await overallCode(service, "nobody") === 1, {
    what: "Denvoy to have its Redis",
  });
}

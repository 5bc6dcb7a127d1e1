// SPDX-License-Identifier: Apache-2.0
// How rls tells that it can serve: at once, truly, and not any more once it is asked to stop.
import assert from "node:assert/strict";
import { StatusCode } from "@denvoy/base";
import { connectGrpc, type GrpcClient } from "@denvoy/grpc";
import { type MessageOf, serviceMethods } from "@denvoy/proto";
import { eventually, startDenvoyRls, startRedis } from "../support/mod.ts";

type HealthResponse = MessageOf<"grpc.health.v1.HealthCheckResponse">;

const { Check, Watch } = serviceMethods("grpc.health.v1.Health");
const { ShouldRateLimit } = serviceMethods("envoy.service.ratelimit.v3.RateLimitService");
const [SERVING, NOT_SERVING] = [1, 2];
const names = ["", "ratelimit", "envoy.service.ratelimit.v3.RateLimitService"];
const limits = { "d.yaml": "{domain: d, descriptors: [{key: k, rate_limit: 5 per year}]}" };
const request = { domain: "d", descriptors: [{ entries: [{ key: "k", value: "v" }] }] };

/** The answers for all names, and the status of `/healthcheck`. */
async function healthOf(client: GrpcClient, url: string): Promise<readonly number[]> {
  const answers: number[] = [];
  for (const service of names) {
    answers.push((await client.unary(Check, { service }) as HealthResponse).status);
  }
  const response = await fetch(`${url}/healthcheck`);
  await response.body?.cancel();
  return [...answers, response.status];
}

function ask(client: GrpcClient): Promise<unknown> {
  return client.unary(ShouldRateLimit, request as never);
}

Deno.test("without Redis at the start rls listens, says that it cannot serve, and serves when Redis comes", async () => {
  const gone = await startRedis();
  await gone[Symbol.asyncDispose]();
  const address = `127.0.0.1:${gone.port}`;
  await using rls = await startDenvoyRls({
    ...{ limits, env: { REDIS_URL: address }, connects: [address] },
    flags: ["--store-timeout", "2s"],
  });
  await using client = connectGrpc({ address: rls.grpcAddress });
  const { httpUrl } = rls;
  assert.deepEqual(await healthOf(client, httpUrl), [NOT_SERVING, NOT_SERVING, NOT_SERVING, 500]);
  await assert.rejects(ask(client), { code: StatusCode.UNAVAILABLE });

  await using redis = await startRedis({ port: gone.port });
  const all = (expected: readonly number[]) =>
    eventually(async () => String(await healthOf(client, httpUrl)) === String(expected), {
      what: `health to be ${expected}`,
      withinMs: 20_000,
      detail: () => rls.child.lastWords(),
    });
  await all([SERVING, SERVING, SERVING, 200]);
  await ask(client);

  // It goes on by the policies of its limits, and envoyproxy/ratelimit's name says why.
  redis.child.kill("SIGKILL");
  await redis.child.exited;
  await assert.rejects(ask(client), { code: StatusCode.UNAVAILABLE });
  await all([SERVING, NOT_SERVING, SERVING, 200]);
});

Deno.test("SIGTERM fails health at once, lets calls end, and exits with 0", async () => {
  await using rls = await startDenvoyRls({ limits, flags: ["--shutdown-grace", "20s"] });
  await using client = connectGrpc({ address: rls.grpcAddress });
  const watch = client.serverStream(Watch, { service: "ratelimit" });
  const next = async () => ((await watch.next()).value as HealthResponse | undefined)?.status;
  assert.equal(await next(), SERVING);
  await ask(client);
  rls.child.kill("SIGTERM");
  assert.equal(await next(), NOT_SERVING);
  const response = await fetch(`${rls.httpUrl}/healthcheck`);
  assert.deepEqual([response.status, await response.text()], [500, ""]);
  await watch.return?.();
  const { code } = await rls.child.exited;
  assert.equal(code, 0, rls.child.lastWords());
});

// SPDX-License-Identifier: Apache-2.0
// Requests and surroundings that end or hang envoyproxy/ratelimit, or let it grow without bound.
import assert from "node:assert/strict";
import { StatusCode } from "@denvoy/base";
import { connectGrpc, type GrpcClient } from "@denvoy/grpc";
import { type Init, messageCodec, type MessageOf, serviceMethods } from "@denvoy/proto";
import {
  type DenvoyRls,
  eventually,
  runDenvoyRls,
  startDenvoyRls,
  startRedis,
} from "../support/mod.ts";

type Request = MessageOf<"envoy.service.ratelimit.v3.RateLimitRequest">;
type Response = MessageOf<"envoy.service.ratelimit.v3.RateLimitResponse">;

const { ShouldRateLimit } = serviceMethods("envoy.service.ratelimit.v3.RateLimitService");
const codec = messageCodec("envoy.service.ratelimit.v3.RateLimitRequest");
const limits = {
  "d.yaml": `
domain: d
descriptors:
  - { key: k, rate_limit: 1000 per year }
  - { key: a, rate_limit: 1000 per year, metadata: { from: { a: 1 } } }
  - { key: b, detailed_metric: true, rate_limit: 1000 per year, metadata: { from: { b: 1 } } }
  - { key: version, value: 1.5, rate_limit: 1000 per year }
`,
};

async function ask(client: GrpcClient, parts: Init<Request>): Promise<Response> {
  const request = codec.decode(codec.encode(parts));
  return await client.unary(ShouldRateLimit, request) as Response;
}

function entries(key: string, value = "v") {
  return { entries: [{ key, value }] };
}

/** Series of the service; those of the HTTP port grow with the first look at them. */
async function metricLines(rls: DenvoyRls): Promise<number> {
  const text = await (await fetch(`${rls.httpUrl}/metrics`)).text();
  return text.split("\n").filter((line) => !line.startsWith("rls_http")).length;
}

Deno.test("rls lives on and stays small, whatever it is asked", async (t) => {
  await using rls = await startDenvoyRls({ limits, flags: ["--dynamic-metadata"] });
  await using client = connectGrpc({ address: rls.grpcAddress });
  const domain = "d";

  await t.step("a limit override without a unit is refused: it ended the process", async () => {
    const descriptors = [{ ...entries("k"), limit: { requestsPerUnit: 1, unit: 0 } }];
    await assert.rejects(ask(client, { domain, descriptors }), {
      code: StatusCode.INVALID_ARGUMENT,
    });
    assert.equal((await ask(client, { domain, descriptors: [entries("k")] })).overallCode, 1);
  });

  await t.step("overrides of ever new values add no series: each stayed for ever", async () => {
    const limit = { requestsPerUnit: 5, unit: 2 };
    const override = (value: number) => [{ ...entries("u", `user-${value}`), limit }];
    await ask(client, { domain, descriptors: override(0) });
    const before = await metricLines(rls);
    const all = Array.from({ length: 500 }, (_, n) => override(n));
    await Promise.all(all.map((descriptors) => ask(client, { domain, descriptors })));
    assert.equal(await metricLines(rls), before);
  });

  await t.step(
    "domains that there are not add no series: each was a metric of its own",
    async () => {
      const descriptors = [entries("k")];
      await ask(client, { domain: "gone", descriptors });
      const before = await metricLines(rls);
      for (let n = 0; n < 100; n++) await ask(client, { domain: `gone-${n}`, descriptors });
      assert.equal(await metricLines(rls), before);
    },
  );

  await t.step("metadata of a rule is not lost, and not told to later requests", async () => {
    const told = async (...keys: readonly string[]) => {
      const descriptors = keys.map((key) => entries(key));
      const { dynamicMetadata } = await ask(client, { domain, descriptors });
      const from = dynamicMetadata?.fields.metadata?.structValue?.fields.from?.structValue;
      return Object.keys(from?.fields ?? {}).sort().join(" ");
    };
    assert.equal(await told("a", "b"), "a b");
    assert.equal(await told("a"), "a");
    assert.equal(await told("b"), "b");
  });

  await t.step("a number as a value is the text that it is: it failed the whole load", async () => {
    const answer = await ask(client, { domain, descriptors: [entries("version", "1.5")] });
    assert.equal(answer.statuses[0]?.currentLimit?.requestsPerUnit, 1000);
  });
});

Deno.test("a Redis that stops answering fails calls without a deadline in time: they hung for ever", async () => {
  await using redis = await startRedis();
  const address = `127.0.0.1:${redis.port}`;
  await using rls = await startDenvoyRls({
    ...{ limits, env: { REDIS_URL: address }, connects: [address] },
    flags: ["--store-timeout", "200ms"],
  });
  await using client = connectGrpc({ address: rls.grpcAddress });
  const descriptors = [entries("k")];
  const counts = () => ask(client, { domain: "d", descriptors }).then(() => true, () => false);
  const what = "rls to count in Redis";
  await eventually(counts, { what, detail: () => rls.child.lastWords() });
  redis.child.kill("SIGSTOP");
  try {
    const start = performance.now();
    const calls = Array.from({ length: 200 }, () => ask(client, { domain: "d", descriptors }));
    for (const outcome of await Promise.allSettled(calls)) {
      assert.equal(outcome.status, "rejected");
      assert.equal((outcome.reason as { readonly code: number }).code, StatusCode.UNAVAILABLE);
    }
    // The hang was beyond all bounds; this bound is generous for a slow machine.
    assert.ok(performance.now() - start < 5_000);
  } finally {
    redis.child.kill("SIGCONT");
  }
  await eventually(counts, { what, withinMs: 20_000, detail: () => rls.child.lastWords() });
});

Deno.test("limits as Kubernetes mounts them are read once, and their swap is seen", async () => {
  // Hidden folders do not count: it starts without limits, and takes up those that are linked to.
  await using rls = await startDenvoyRls({
    limits: {
      "..2026_01/d.yaml": limits["d.yaml"],
      "..2026_02/d.yaml": limits["d.yaml"].replace("key: k", "key: z"),
    },
    flags: ["--allow-invalid"],
  });
  const { folder } = rls;
  const rules = async () => await (await fetch(`${rls.httpUrl}/rlconfig`)).text();
  await Deno.symlink("..2026_01", folder.file("..data"));
  await Deno.symlink("..data/d.yaml", folder.file("d.yaml"));
  const seen = (key: string) =>
    eventually(async () => (await rules()).startsWith(`d.${key}:`), {
      what: `the limit of ${key}`,
      detail: () => rls.child.lastWords(),
    });
  await seen("k");
  await Deno.symlink("..2026_02", folder.file("..data_tmp"));
  await Deno.rename(folder.file("..data_tmp"), folder.file("..data"));
  await seen("z");
});

Deno.test("settings that ended or misled envoyproxy/ratelimit are refused with what is wrong", async (t) => {
  const rows: readonly (readonly [
    env: Readonly<Record<string, string>>,
    files: Readonly<Record<string, string>>,
    said: RegExp,
  ])[] = [
    [{ BACKEND_TYPE: "memcache" }, limits, /BACKEND_TYPE: must be redis/],
    [{ REDIS_URL: "h:1", REDIS_TYPE: "RING" }, limits, /REDIS_TYPE: .*"single", "sentinel"/],
    [{ REDIS_URL: "h:1", REDIS_TYPE: "sentinel" }, limits, /must name a master and its sentinels/],
    [
      {},
      { "bad.yaml": "domain: d\ndescriptors: [{ value: x }]" },
      /bad\.yaml:2:.*`key` must not be/,
    ],
  ];
  for (const [env, files, said] of rows) {
    await t.step(said.source, async () => {
      const { code, output } = await runDenvoyRls({ limits: files, env });
      assert.ok(code === 1 || code === 2, output);
      assert.match(output, said);
    });
  }
});

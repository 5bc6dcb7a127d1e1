// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { type Logger, ProblemError, silentLogger } from "@denvoy/base";
import { RecordingLogger } from "@denvoy/base/testing";
import { string } from "./config/field.ts";
import { loadConfig } from "./config/load.ts";
import { defineConfig } from "./config/schema.ts";
import { json } from "./http/api/response.ts";
import { route } from "./http/api/route.ts";
import {
  type Runtime,
  type ServiceDefinition,
  type ServiceHandle,
  startService,
} from "./start_service.ts";

const adsSchema = defineConfig({
  service: "ads",
  summary: "A.",
  ports: { grpc: 0, http: 0 },
  fields: { greeting: string({ default: "hello", doc: "G." }) },
});
const sdsSchema = defineConfig({
  service: "sds",
  summary: "S.",
  ports: { grpc: 0, http: 0 },
  fields: {},
});

function ads(stopped: number[] = []): ServiceDefinition<typeof adsSchema.own> {
  return {
    schema: adsSchema,
    version: "1.0.0",
    async start(config, runtime) {
      const greeting: string = config.greeting;
      await runtime.serveHttp([route({
        method: "GET",
        path: "/v1/greeting",
        summary: "Greets.",
        responses: { 200: { doc: "A greeting." } },
        handle: () => json({ greeting }),
      })]);
      return { stop: (graceMs) => Promise.resolve(void stopped.push(graceMs)) };
    },
  };
}

const sds: ServiceDefinition<typeof sdsSchema.own> = {
  schema: sdsSchema,
  version: "1.0.0",
  start: () => Promise.resolve({ grpcAddress: "g:1", stop: () => Promise.resolve() }),
};

/** Any service with its defaults and `args`, as a program that runs several does it. */
async function start(
  definition: ServiceDefinition,
  args: readonly string[] = [],
  { logger = silentLogger }: { readonly logger?: Logger } = {},
) {
  const outcome = loadConfig(definition.schema, { args, env: {}, readFile: () => undefined });
  if (outcome.kind !== "config") assert.fail(JSON.stringify(outcome));
  return await startService(definition, outcome.config, { logger });
}

async function get(handle: ServiceHandle, path: string): Promise<unknown> {
  const response = await fetch(`http://${handle.addresses.http}${path}`, {
    headers: { connection: "close" },
  });
  return await response.json();
}

Deno.test("startService() runs several services in one process", async () => {
  const stopped: number[] = [];
  await using first = await start(ads(stopped), ["--greeting", "hi"]);
  await using second = await start(sds);
  assert.deepEqual(await get(first, "/v1/greeting"), { greeting: "hi" });
  assert.deepEqual(await get(second, "/healthz"), { status: "ok" });
  assert.equal(second.addresses.grpc, "g:1");
  await Promise.all([first.stop(), first.stop(5)]);
  assert.deepEqual(stopped, [10_000]);
  assert.deepEqual(await get(second, "/healthz"), { status: "ok" });
});

Deno.test("startService() warns of an HTTP API that no certificate opens, and lets those named in", async () => {
  const pem = (name: string) => new URL(`./testdata/${name}`, import.meta.url).pathname;
  const read = (name: string) => Deno.readTextFileSync(pem(name));
  const tls = ["--tls-cert", pem("server.pem"), "--tls-key", pem("server.key")];
  const roots = ["--client-ca", pem("ca.pem")];
  using client = Deno.createHttpClient({
    caCerts: [read("ca.pem")],
    cert: read("client.pem"),
    key: read("client.key"),
  });
  const table = [
    { flags: [], status: 403, warned: true },
    { flags: ["--http-admin", "spiffe://shop/ops/*", "--http-admin", "localhost"], status: 200 },
    { flags: ["--http-admin", "spiffe://shop/ops/*"], status: 403 },
  ];
  for (const { flags, status, warned = false } of table) {
    const logger = new RecordingLogger();
    await using handle = await start(ads(), [...tls, ...roots, ...flags], { logger });
    const port = handle.addresses.http?.split(":").at(-1);
    const response = await fetch(`https://localhost:${port}/v1/greeting`, { client });
    await response.body?.cancel();
    assert.equal(response.status, status, flags.join(" "));
    assert.equal(/nobody may use the HTTP API/.test(JSON.stringify(logger.lines)), warned);
  }
});

Deno.test("startService() closes all it opened when the service cannot start", async () => {
  const failing: ServiceDefinition<typeof sdsSchema.own> = {
    ...sds,
    async start(_config, runtime: Runtime) {
      const address = await runtime.serveHttp([]);
      await assert.rejects(runtime.serveHttp([]), /served already/);
      throw new Error(`failed after ${address}`);
    },
  };
  await assert.rejects(start(failing), /failed after 127.0.0.1:\d+/);
});

Deno.test("startService() refuses an exposed port before anything is opened", async () => {
  await assert.rejects(start(sds, ["--grpc-address", "0.0.0.0:0"]), ProblemError);
  await using _allowed = await start(sds, ["--grpc-address", "0.0.0.0:0", "--insecure"]);
});

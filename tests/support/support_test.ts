// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { Child } from "@denvoy/tools/child";
import { getPythonGrpc } from "@denvoy/tools/real_parts";
import {
  assertNoFailures,
  bootstrap,
  type Envoy,
  eventually,
  freePort,
  Load,
  startBackend,
  startEnvoy,
  startGrpcBackend,
  startRedis,
  startupAddresses,
  TempFolder,
  validateBootstrap,
  type XdsMode,
} from "./mod.ts";

Deno.test("eventually() returns the first result and takes a throw for not yet", async () => {
  let calls = 0;
  const condition = () => {
    calls++;
    if (calls === 1) throw new Error("not yet");
    return calls === 3 ? "done" : undefined;
  };
  assert.equal(await eventually(condition, { what: "three calls" }), "done");
});

Deno.test("eventually() says what it waited for, the last error and the detail", async () => {
  const never = () => {
    throw new Error("status was 503");
  };
  await assert.rejects(
    eventually(never, { what: "the route", withinMs: 30, detail: () => "the log" }),
    /^Error: waited 30 ms for the route: status was 503\nthe log$/,
  );
});

Deno.test("TempFolder.write() replaces a file whole and the folder goes in the end", async () => {
  const folder = await TempFolder.create({ "sub/a.yaml": "1" });
  await folder.write("sub/a.yaml", "2");
  assert.equal(await folder.read("sub/a.yaml"), "2");
  assert.deepEqual(Array.from(Deno.readDirSync(folder.path), (entry) => entry.name), ["sub"]);
  await folder[Symbol.asyncDispose]();
  assert.throws(() => Deno.statSync(folder.path), Deno.errors.NotFound);
});

Deno.test("startupAddresses() finds the addresses among other lines", () => {
  const line = '{"level":"info","grpc":"127.0.0.1:1","http":"127.0.0.1:2"}';
  const addresses = { grpcAddress: "127.0.0.1:1", httpAddress: "127.0.0.1:2" };
  assert.deepEqual(startupAddresses(["Warning: x", "{", '{"level":"info"}', line]), addresses);
  assert.equal(startupAddresses(["{}"]), undefined);
});

Deno.test("Load counts answers by body and failures in full", async () => {
  let failing = false;
  await using backend = startBackend("blue", {
    respond: () => failing ? new Response("no", { status: 503 }) : new Response("blue"),
  });
  const url = `http://127.0.0.1:${backend.port}/`;
  await using load = Load.start({ url, requestsPerSecond: 500 });
  await eventually(() => load.succeeded >= 20, { what: "20 answers" });
  failing = true;
  await eventually(() => load.failed >= 5, { what: "5 failures" });
  const report = await load.stop();
  assert.equal(report.answers.get("blue"), load.succeeded);
  assert.equal(report.sent, load.succeeded + load.failed);
  assert.throws(() => assertNoFailures(report), /requests failed:\n {2}at \d+ ms: 503 no\n/);
});

Deno.test("Load reports a refused connection as a failure", async () => {
  await using load = Load.start({
    url: `http://127.0.0.1:${freePort()}/`,
    requestsPerSecond: 100,
  });
  await eventually(() => load.failed > 0, { what: "a failure" });
  assert.match((await load.stop()).failures[0]?.detail ?? "", /refused/i);
});

const modes: readonly XdsMode[] = [
  "ads-delta",
  "ads-sotw",
  "separate-delta",
  "separate-sotw",
  "rest",
];
for (const mode of modes) {
  Deno.test(`bootstrap() makes what a real Envoy accepts: ${mode}`, async () => {
    const result = await validateBootstrap(
      bootstrap({ managementAddress: "127.0.0.1:1", mode, locality: { region: "here" } }),
    );
    assert.equal(result.ok, true, result.output);
    assert.doesNotMatch(result.output, /\[warning\]|deprecated/i);
  });
}

async function envoyWithoutServer(): Promise<Envoy> {
  return await startEnvoy({ bootstrap: bootstrap({ managementAddress: "127.0.0.1:1" }) });
}

Deno.test("startEnvoy() gives a handle whose admin API tells clusters, hosts and stats", async () => {
  await using envoy = await envoyWithoutServer();
  assert.deepEqual(await envoy.admin.clusterNames(), ["denvoy"]);
  const host = { address: "127.0.0.1:1", edsHealth: "HEALTHY", weight: 1 };
  assert.deepEqual(await envoy.admin.hosts("denvoy"), [host]);
  assert.equal(await envoy.admin.hosts("other"), undefined);
  assert.deepEqual(await envoy.admin.listenerNames(), []);
  await envoy.admin.until(
    async () => await envoy.admin.stat("control_plane.connected_state") === 0,
    { what: "no connection" },
  );
  assert.equal((await envoy.admin.configDump("Bootstrap"))["@type"] !== undefined, true);
});

Deno.test("startEnvoy() shows Envoy's own words when it refuses the bootstrap", async () => {
  await assert.rejects(startEnvoy({ bootstrap: { no_such_field: 1 } }), /no_such_field/);
});

Deno.test("startGrpcBackend() answers a reference client with its name", async () => {
  await using backend = await startGrpcBackend("blue");
  const python = await getPythonGrpc();
  const script = `import grpc
with grpc.insecure_channel("127.0.0.1:${backend.port}") as channel:
    print(channel.unary_unary("/denvoy.test.Greeter/Greet")(b"", timeout=10).decode())`;
  const options = { name: "python", args: ["-c", script], ...python };
  await using client = Child.start(options);
  assert.equal((await client.exited).code, 0, client.lastWords());
  assert.deepEqual([...client.lines], ["blue"]);
  assert.equal(backend.requests, 1);
});

Deno.test("startRedis() answers, and its port is free again afterwards", async () => {
  const redis = await startRedis();
  await redis[Symbol.asyncDispose]();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: redis.port });
  listener.close();
});

Deno.test("Child.stop() kills a program that ignores SIGTERM", async () => {
  const script = 'trap "" TERM; echo up; while :; do sleep 0.05; done';
  await using child = Child.start({ name: "stubborn", command: "sh", args: ["-c", script] });
  await eventually(() => child.lines.includes("up"), { what: "the first line" });
  assert.deepEqual(await child.stop(50), { code: 137, signal: "SIGKILL" });
});

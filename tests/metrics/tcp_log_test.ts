// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  eventually,
  freePorts,
  startBackend,
  startDenvoyMetrics,
  startEnvoy,
  TempFolder,
} from "../support/mod.ts";
import { address, cluster, fleetEnvoy } from "./fleet_envoy.ts";

const TYPE = "type.googleapis.com/envoy.extensions";

const accessLog = [{
  name: "envoy.access_loggers.tcp_grpc",
  typed_config: {
    "@type": `${TYPE}.access_loggers.grpc.v3.TcpGrpcAccessLogConfig`,
    common_config: {
      log_name: "tcp",
      transport_api_version: "V3",
      buffer_flush_interval: "0.2s",
      grpc_service: { envoy_grpc: { cluster_name: "metrics" } },
    },
  },
}];

function tcpListener(port: number, target: string): unknown {
  const typed_config = {
    "@type": `${TYPE}.filters.network.tcp_proxy.v3.TcpProxy`,
    ...{ stat_prefix: target, cluster: target, access_log: accessLog },
  };
  const filters = [{ name: "envoy.filters.network.tcp_proxy", typed_config }];
  return { name: target, address: address(`127.0.0.1:${port}`), filter_chains: [{ filters }] };
}

/** Sends a request on a connection of its own and reads to its end. */
async function askOnce(port: number): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = "GET / HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n";
  await connection.write(new TextEncoder().encode(request));
  const chunks = await Array.fromAsync(connection.readable).catch(() => []);
  return chunks.map((chunk) => new TextDecoder().decode(chunk)).join("");
}

Deno.test("TCP access logs of a real Envoy become signals and lines", async () => {
  await using data = await TempFolder.create();
  const file = data.file("access.log");
  const flags = ["--access-log-sink", "file", "--access-log-file", file];
  await using metrics = await startDenvoyMetrics({ dataDir: data.path, flags });
  await using backend = startBackend("shop");
  const [port = 0, brokenPort = 0, deadPort = 0] = freePorts(3);
  const { bootstrap } = fleetEnvoy({
    metrics: metrics.grpcAddress,
    backend,
    moreListeners: [tcpListener(port, "shop.v1"), tcpListener(brokenPort, "dead")],
    moreClusters: [cluster("dead", [`127.0.0.1:${deadPort}`])],
  });
  await using envoy = await startEnvoy({ bootstrap, concurrency: 2 });
  await envoy.admin.ready();
  let received = 0;
  for (let count = 0; count < 6; count++) {
    const answer = await askOnce(port);
    assert.match(answer, /^HTTP\/1.1 200/);
    received += answer.length;
  }
  for (let count = 0; count < 2; count++) await askOnce(brokenPort);

  let lines: readonly Record<string, unknown>[] = [];
  await eventually(async () => {
    const text = (await Deno.readTextFile(file).catch(() => "")).trim();
    lines = text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
    return lines.length === 8;
  }, {
    what: "a line of each connection",
    detail: () => `${JSON.stringify(lines)}\n${metrics.child.lastWords()}`,
  });
  expectLines(lines, { upstream: `127.0.0.1:${backend.port}`, received });
  await expectSignals(metrics.httpUrl);
});

function expectLines(
  lines: readonly Record<string, unknown>[],
  { upstream, received }: { readonly upstream: string; readonly received: number },
): void {
  const good = lines.filter((line) => line.upstream_cluster === "shop.v1");
  assert.equal(good.length, 6);
  for (const line of good) {
    const { kind, node, cluster, log, upstream_remote_address } = line;
    assert.deepEqual(
      { kind, node, cluster, log, upstream_remote_address },
      {
        kind: "tcp",
        node: "edge-1",
        cluster: "edge",
        log: "tcp",
        upstream_remote_address: upstream,
      },
    );
    assert.ok(
      Number(line.duration_ms) > 0 && Number(line.received_bytes) > 40,
      JSON.stringify(line),
    );
    assert.match(String(line.time), /^20.+Z$/);
  }
  const sent = good.reduce((sum, line) => sum + Number(line.sent_bytes), 0);
  assert.equal(sent, received, "what Envoy says it sent is what was received");
  const broken = lines.filter((line) => line.upstream_cluster === "dead");
  assert.deepEqual(broken.map((line) => line.response_flags), [["UF", "URX"], ["UF", "URX"]]);
  assert.match(String(broken[0]?.upstream_transport_failure_reason), /connect/i);
}

async function expectSignals(url: string): Promise<void> {
  const { services } = await (await fetch(`${url}/v1/services`)).json();
  const found = services.map((one: Record<string, unknown>) => [
    one.service,
    one.requests,
    one.success_rate,
  ]);
  assert.deepEqual(found, [["shop.v1", 6, 1], ["dead", 2, 0]]);
}

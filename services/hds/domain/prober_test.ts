// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { messageCodec } from "@denvoy/proto";
import { extensionNeed } from "./health_check.ts";
import { canCheck, readProber } from "./prober.ts";

const TLS = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
const REDIS = "envoy.extensions.health_checkers.redis.v3.Redis";
const nodes = messageCodec("envoy.config.core.v3.Node");

function extension(category: string, type: string, disabled = false) {
  return { name: "x", category, typeUrls: [type], disabled };
}

function read(
  extensions: readonly ReturnType<typeof extension>[],
  protocols: readonly number[] = [0, 1],
) {
  const node = nodes.decode(nodes.encode({ id: "one", extensions }));
  const capability = { healthCheckProtocols: protocols };
  return readProber({ name: "one", node, capability, peerAddress: "10.0.0.1:4242" });
}

Deno.test("an Envoy gets the checks that it can do, and no others", () => {
  const withTls = read([extension("envoy.transport_sockets.upstream", TLS)]);
  const withRedis = read([extension("envoy.health_checkers", REDIS)]);
  const disabled = read([extension("envoy.health_checkers", REDIS, true)]);
  const silent = read([]);
  const tcpOnly = read([], [1]);
  const saysRedis = read([], [0, 1, 2]);
  const cases: readonly (readonly [string, ReturnType<typeof read>, string, boolean])[] = [
    ["HTTP", withTls, "HTTP", true],
    ["HTTP that it did not say", tcpOnly, "HTTP", false],
    ["TLS that it lists", withTls, extensionNeed(TLS), true],
    ["TLS that it does not list", withRedis, extensionNeed(TLS), false],
    ["TLS of one that lists nothing", silent, extensionNeed(TLS), true],
    ["Redis that it lists", withRedis, extensionNeed(REDIS), true],
    ["Redis that is disabled", disabled, extensionNeed(REDIS), false],
    ["Redis of one that lists nothing", silent, extensionNeed(REDIS), false],
    ["Redis of one that says so", saysRedis, extensionNeed(REDIS), true],
  ];
  for (const [name, prober, need, wanted] of cases) {
    assert.equal(canCheck(prober, { needs: new Set([need]) }), wanted, name);
  }
});

Deno.test("an Envoy's own addresses are that of its connection and those that it says", () => {
  const struct = (value: object) => ({
    fields: { denvoy: { structValue: { fields: { addresses: value } } } },
  });
  const list = { listValue: { values: [{ stringValue: "10.0.0.2" }, { stringValue: "no" }] } };
  const text = { stringValue: "10.0.0.3, 2001:DB8::1" };
  const cases: readonly (readonly [object, string, readonly string[]])[] = [
    [list, "10.0.0.1:1", ["10.0.0.1", "10.0.0.2"]],
    [text, "[::1]:1", ["::1", "10.0.0.3", "2001:db8::1"]],
    [{}, "unix:/run/hds.sock", []],
  ];
  for (const [value, peerAddress, wanted] of cases) {
    const node = nodes.decode(nodes.encode({ metadata: struct(value) }));
    const prober = readProber({ name: "x", node, capability: undefined, peerAddress });
    assert.deepEqual([...prober.addresses], wanted);
  }
});

Deno.test("names of nodes are cut where nobody needs them any longer", () => {
  const node = nodes.decode(nodes.encode({ id: "x".repeat(100_000) }));
  const prober = readProber({ name: "x", node, capability: undefined, peerAddress: "" });
  assert.equal(prober.nodeId.length, 256);
});

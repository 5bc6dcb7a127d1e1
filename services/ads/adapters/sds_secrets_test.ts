// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { type Result, StatusCode, StatusError } from "@denvoy/base";
import { RecordingLogger } from "@denvoy/base/testing";
import { ON_BEHALF_OF, ON_BEHALF_OF_CERTIFICATE, ServerConnections } from "@denvoy/discovery";
import { TestXdsServer } from "@denvoy/discovery/testing";
import { until } from "@denvoy/grpc/testing";
import { messageCodec } from "@denvoy/proto";
import { systemClock } from "@denvoy/runtime";
import type { Resource } from "@denvoy/xds";
import type { NodeSecretListener, NodeSecretSource } from "../domain/node_secrets.ts";
import { SECRET } from "../domain/resource_types.ts";
import { SdsSecrets } from "./sds_secrets.ts";

const codec = messageCodec("envoy.extensions.transport_sockets.tls.v3.Secret");
const node = {
  ...{ id: "n", cluster: "c", metadata: {}, userAgent: "" },
  locality: { region: "r", zone: "", subZone: "" },
};

const certificate = { serial: "a1", issuer: "CN=ca" };

function secret(name: string, version: string, inner = name): Resource {
  const value = codec.encode({ name: inner, genericSecret: { secret: { inlineString: "hush" } } });
  return { typeUrl: SECRET, name, version, value, references: [] };
}

/** Remembers what it was told. */
class Listener implements NodeSecretListener {
  readonly has = new Map<string, string>();
  readonly known = new Set<string>();
  failure: string | undefined = "nothing was said";

  changed({ put, removed }: Parameters<NodeSecretListener["changed"]>[0]): void {
    for (const { name, version } of put) this.has.set(name, version);
    for (const name of removed) this.has.delete(name);
  }

  answered(names: readonly string[]): void {
    for (const name of names) this.known.add(name);
  }

  connection(failure: string | undefined): void {
    this.failure = failure;
  }
}

function opened(source: Result<NodeSecretSource, string>): NodeSecretSource {
  assert.ok(source.ok);
  return source.value;
}

Deno.test("SdsSecrets asks for each node in its own name, over one connection", async () => {
  await using server = await TestXdsServer.start();
  server.put(secret("a", "1"));
  await using connections = new ServerConnections({ servers: [server.address] });
  const logger = new RecordingLogger();
  await using secrets = new SdsSecrets({ connections, clock: systemClock, logger });
  const listeners = ["x", "y"].map((who) => {
    const listener = new Listener();
    opened(secrets.open({ node, identity: `spiffe://m/${who}`, certificate }, listener)).setNames([
      "a",
    ]);
    return listener;
  });
  await until("both", () => listeners.every(({ has }) => has.get("a") === "1"));
  const asked = server.calls.map(({ metadata }) => metadata.get(ON_BEHALF_OF)?.join());
  assert.deepEqual(asked.sort(), ["spiffe://m/x", "spiffe://m/y"]);
  const shown = server.calls.map(({ metadata }) => metadata.get(ON_BEHALF_OF_CERTIFICATE)?.join());
  assert.deepEqual(shown, ["a1;CN%3Dca", "a1;CN%3Dca"]);
  assert.equal(server.calls[0]?.node?.locality?.region, "r");
  assert.equal(new Set(server.calls.map(({ peer }) => peer.address)).size, 1);
  assert.deepEqual(listeners.map(({ failure }) => failure), [undefined, undefined]);
});

Deno.test("SdsSecrets never asks without a name: what no header can hold is refused", async () => {
  await using server = await TestXdsServer.start();
  server.put(secret("default", "1"));
  await using connections = new ServerConnections({ servers: [server.address] });
  const logger = new RecordingLogger();
  await using secrets = new SdsSecrets({ connections, clock: systemClock, logger });
  for (const identity of ["spiffe://m/a,b", "spiffe://m/a b", "spiffe://m/ä", ""]) {
    const refused = secrets.open({ node, identity, certificate }, new Listener());
    assert.ok(!refused.ok, identity);
    assert.match(refused.error, /without a comma: is /);
  }
  assert.deepEqual([[...secrets.clients].length, server.calls.length], [0, 0]);
});

Deno.test("SdsSecrets has an answer for each name: it came, it is missing, or it is no secret", async () => {
  await using server = await TestXdsServer.start();
  const broken = { ...secret("broken", "1"), value: new Uint8Array([10, 99]) };
  server.put(secret("good", "1"), secret("strange", "1", "other"), broken);
  await using connections = new ServerConnections({ servers: [server.address] });
  const logger = new RecordingLogger();
  await using secrets = new SdsSecrets({ connections, clock: systemClock, logger });
  const listener = new Listener();
  const source = opened(secrets.open({ node, identity: "spiffe://m/x", certificate }, listener));
  source.setNames([]);
  assert.equal(server.calls.length, 0);
  source.setNames(["good", "strange", "broken", "missing"]);
  await until("all answers", () => listener.known.size === 4);
  assert.deepEqual([...listener.has], [["good", "1"]]);
  assert.doesNotMatch(JSON.stringify(logger.lines), /hush/);
  server.remove(SECRET, "good");
  source.close();
  source.close();
  assert.equal([...secrets.clients].length, 0);
});

Deno.test("SdsSecrets has an answer when sds refuses a node: there is nothing to wait for", async () => {
  for (const code of [StatusCode.UNAUTHENTICATED, StatusCode.PERMISSION_DENIED]) {
    await using server = await TestXdsServer.start({
      viewOf: () => {
        throw new StatusError(code, "the client certificate a1 is revoked");
      },
    });
    await using connections = new ServerConnections({ servers: [server.address] });
    const logger = new RecordingLogger();
    await using secrets = new SdsSecrets({ connections, clock: systemClock, logger });
    const listener = new Listener();
    const asking = { node, identity: "spiffe://m/x", certificate };
    opened(secrets.open(asking, listener)).setNames(["a", "b"]);
    await until("the refusal", () => listener.known.size === 2);
    assert.match(listener.failure ?? "", /a1 is revoked/);
    assert.deepEqual([...listener.has], []);
  }
});

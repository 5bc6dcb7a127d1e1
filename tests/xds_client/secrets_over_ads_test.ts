// SPDX-License-Identifier: Apache-2.0
/**
 * ads asks sds for the secrets of a node that has only a stream to ads: sds is played by a control
 * plane of this process, which sees who asks for whom.
 */
import assert from "node:assert/strict";
import { silentLogger, StatusCode, StatusError } from "@denvoy/base";
import { connectXds, ON_BEHALF_OF, type XdsClient, type XdsSubscription } from "@denvoy/discovery";
import { TestXdsServer } from "@denvoy/discovery/testing";
import { clientTls, serverTls } from "@denvoy/grpc/testing";
import { messageCodec, serviceMethods } from "@denvoy/proto";
import { connectGrpc } from "@denvoy/grpc";
import { systemClock } from "@denvoy/runtime";
import { type Resource, TypeUrls } from "@denvoy/xds";
import { certificateFile, certificateFolder } from "../envoy/certificates.ts";
import { type DenvoyAds, eventually, startDenvoyAds, TempFolder } from "../support/mod.ts";

const { cluster, secret } = TypeUrls;
const codec = messageCodec("envoy.extensions.transport_sockets.tls.v3.Secret");
const IDENTITY = "spiffe://denvoy.test/node/envoy-1";

function generic(name: string, text: string): Resource {
  const value = codec.encode({
    name,
    genericSecret: { secret: { inlineString: text } },
  });
  return {
    typeUrl: secret,
    name,
    version: `v-${text.length}-${text.slice(-2)}`,
    value,
    references: [],
  };
}

type Secrets = XdsSubscription<string>;

/** Starts ads with a certificate for its port, and the one of `client.pem` for sds. */
function startAds(sdsAddress: string, resources: string): Promise<DenvoyAds> {
  return startDenvoyAds({
    resources,
    read: [certificateFolder],
    connects: [sdsAddress],
    waitReady: false,
    flags: [
      ...["--tls-cert", certificateFile("server.pem"), "--tls-key", certificateFile("server.key")],
      ...["--client-ca", certificateFile("ca.pem")],
      ...["--http-admin", "spiffe://denvoy.test/node/*"],
      ...["--node-identity", "spiffe://denvoy.test/node/{id}"],
      ...["--sds", sdsAddress, "--sds-ca", certificateFile("ca.pem")],
      ...["--sds-cert", certificateFile("client.pem"), "--sds-key", certificateFile("client.key")],
      ...["--log-level", "debug"],
    ],
  });
}

function connectNode(ads: DenvoyAds, mode: "delta" | "sotw", id = "envoy-1"): XdsClient {
  return connectXds({
    servers: [ads.grpcAddress],
    node: { id, cluster: "web", metadata: { team: "a" } },
    tls: { current: clientTls("client") },
    tuning: { mode, backoff: { initialMs: 50, maxMs: 200, factor: 2 } },
    clock: systemClock,
    logger: silentLogger,
  });
}

interface Reading {
  readonly secrets: Secrets;
  readonly absent: string[];
}

function readSecrets(node: XdsClient, names: readonly string[]): Reading {
  const absent: string[] = [];
  const secrets = node.subscribe<string>(secret, {
    names,
    decode: (value) => codec.decode(value).genericSecret?.secret?.inlineString ?? "",
    accept: ({ resources }) =>
      new Map(
        resources.flatMap(({ name, message }) => message === "bad" ? [[name, "is bad"]] : []),
      ),
    absent: (absences) => absent.push(...absences.map(({ name }) => name)),
  });
  return { secrets, absent };
}

function textOf({ resources }: Secrets, name: string): string | undefined {
  return resources.get(name)?.message;
}

const clusterFile = `
resources:
  - "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
    name: backend
    type: STATIC
`;

for (const mode of ["delta", "sotw"] as const) {
  Deno.test(`a node has its secrets from sds by its stream to ads (${mode})`, async () => {
    const sds = await TestXdsServer.start({ tls: serverTls("server", true) });
    await using stack = new AsyncDisposableStack();
    stack.defer(() => sds[Symbol.asyncDispose]());
    sds.put(generic("s1", "k-one"), generic("s2", "k-two"), generic("other", "k-other"));
    await using folder = await TempFolder.create({ "clusters.yaml": clusterFile });
    await using ads = await startAds(sds.address, folder.path);
    await using node = connectNode(ads, mode);
    const { secrets, absent } = readSecrets(node, ["s1", "s2", "missing"]);
    const clusters = node.subscribe(cluster, { decode: (value) => value.byteLength });
    const patience = { withinMs: 20_000, detail: () => ads.child.lastWords() };

    await eventually(() => secrets.resources.size === 2 && clusters.resources.size === 1, {
      ...{ what: "secrets and clusters", ...patience },
    });
    assert.deepEqual([textOf(secrets, "s1"), textOf(secrets, "s2")], ["k-one", "k-two"]);
    const [call] = sds.calls;
    assert.deepEqual(call?.metadata.get(ON_BEHALF_OF), [IDENTITY]);
    assert.deepEqual([call?.node?.id, call?.node?.cluster], ["envoy-1", "web"]);
    assert.equal(call?.node?.metadata?.fields.team?.stringValue, "a");
    if (mode === "delta") {
      await eventually(() => absent.includes("missing"), { what: "what is missing to be told" });
    }

    sds.put(generic("s1", "k-next"));
    await eventually(() => textOf(secrets, "s1") === "k-next", { what: "the rotation" });
    sds.put(generic("s1", "bad"));
    await eventually(() => node.report()[0]?.types.some(({ nacks }) => nacks > 0), {
      what: "the node to reject a secret",
    });
    assert.equal(textOf(secrets, "s1"), "k-next");
    sds.put(generic("missing", "k-late"));
    await eventually(() => textOf(secrets, "missing") === "k-late", { what: "a late secret" });
    const rejected = /"type":"secrets".*"name":"s1","status":"error".*is bad/;
    await eventually(async () => rejected.test(await apiText(ads, "/v1/nodes/envoy-1")), {
      what: "ads to show the rejection",
    });
    secrets.setNames(["s2"]);
    await eventually(() => namesAsked(sds).join() === "s2", {
      what: "fewer names to be asked for",
    });

    await sds[Symbol.asyncDispose]();
    await eventually(() => ads.child.lines.some((line) => line.includes("xds stream ended")), {
      what: "ads to miss sds",
    });
    assert.equal(textOf(secrets, "s2"), "k-two");
    sds.view.apply([{ kind: "put", resource: generic("s2", "k-newer") }]);
    const { address, view } = sds;
    await using _back = await TestXdsServer.start({
      tls: serverTls("server", true),
      address,
      view,
    });
    await eventually(() => textOf(secrets, "s2") === "k-newer", {
      what: "sds to be back",
      ...patience,
    });
    await assertNoSecrets(ads);
  });
}

/** The names that are asked of sds now. */
function namesAsked({ hub }: TestXdsServer): readonly string[] {
  return [...hub.streams].flatMap(({ state }) =>
    state.types.flatMap(({ subscription }) => [...subscription.names])
  );
}

/** What the HTTP API answers to the node's certificate. */
async function apiText(ads: DenvoyAds, path: string): Promise<string> {
  const { serverCa = "", certificateChain: cert = "", privateKey: key = "" } = clientTls("client");
  using client = Deno.createHttpClient({ caCerts: [serverCa], cert, key });
  const port = ads.httpAddress.split(":").at(-1);
  const response = await fetch(`https://localhost:${port}${path}`, { client });
  assert.equal(response.status, 200, path);
  return await response.text();
}

/** Nothing that ads logs or shows holds what it passes on. */
async function assertNoSecrets(ads: DenvoyAds): Promise<void> {
  const logged = ads.child.lines.join("\n");
  assert.doesNotMatch(logged, /k-(one|two|next|late|newer)/);
  for (const path of ["/v1/nodes/envoy-1", "/v1/resources", "/readyz", "/metrics"]) {
    assert.doesNotMatch(await apiText(ads, path), /k-(one|two|next|late|newer)/, path);
  }
  await using client = connectGrpc({ address: ads.grpcAddress, tls: clientTls("client") });
  const { FetchClientStatus } = serviceMethods(
    "envoy.service.status.v3.ClientStatusDiscoveryService",
  );
  const status = await client.unary(FetchClientStatus, {
    nodeMatchers: [],
    excludeResourceContents: false,
  });
  assert.doesNotMatch(JSON.stringify(status), /k-(one|two|next|late|newer)/);
}

Deno.test("ads asks sds for nobody but whom it has verified, and says what sds refuses", async () => {
  await using sds = await TestXdsServer.start({
    tls: serverTls("server", true),
    viewOf: () => {
      throw new StatusError(StatusCode.PERMISSION_DENIED, "not for this ads");
    },
  });
  await using folder = await TempFolder.create({ "clusters.yaml": clusterFile });
  await using ads = await startAds(sds.address, folder.path);
  await using impostor = connectNode(ads, "delta", "envoy-2");
  readSecrets(impostor, ["s1"]);
  await eventually(
    () => /must show the URI SAN/.test(impostor.report()[0]?.failure?.message ?? ""),
    {
      what: "the impostor to be refused",
      detail: () => ads.child.lastWords(),
    },
  );
  assert.equal(sds.calls.length, 0);

  await using node = connectNode(ads, "delta");
  const { secrets } = readSecrets(node, ["s1"]);
  const clusters = node.subscribe(cluster, { decode: (value) => value.byteLength });
  await eventually(() => clusters.resources.size === 1, { what: "clusters, whatever sds does" });
  await eventually(() => ads.child.lines.some((line) => line.includes("not for this ads")), {
    what: "ads to log why it has no secrets",
    detail: () => ads.child.lastWords(),
  });
  assert.equal(secrets.resources.size, 0);
});

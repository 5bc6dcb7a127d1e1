// SPDX-License-Identifier: Apache-2.0
/**
 * Checks over TLS by a real Envoy: HTTP/1, HTTP/2, gRPC and TCP; with certificates that come from a
 * real sds; and what becomes of them when their TLS changes.
 * @module
 */
import assert from "node:assert/strict";
import {
  type DenvoyHds,
  eventually,
  startDenvoyHds,
  startDenvoySds,
  startEnvoy,
  TempFolder,
} from "../support/mod.ts";
import { mountSecret } from "../sds/certificates.ts";
import { type SdsAccess, sdsCluster, secretConfig } from "../sds/scene.ts";
import { FaultyBackend, GrpcHealthBackend } from "./faulty_backend.ts";
import { InsistingProxy, Ponger, type ServerKeys } from "./ponger.ts";
import {
  clusterOf,
  clustersFile,
  healthBecomes,
  httpCheck,
  type Json,
  pace,
  proberBootstrap,
  startProber,
} from "./scene.ts";

const PKI = new URL("../../libs/runtime/testdata/", import.meta.url);

function pki(file: string): Promise<string> {
  return Deno.readTextFile(new URL(file, PKI));
}

async function serverKeys(): Promise<ServerKeys> {
  return { cert: await pki("server.pem"), key: await pki("server.key") };
}

/** Fields of a cluster whose endpoints speak TLS. */
function over(commonTlsContext: Json = {}, sni = "localhost"): Json {
  return {
    transport_socket: {
      name: "envoy.transport_sockets.tls",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        sni,
        common_tls_context: commonTlsContext,
      },
    },
  };
}

/** The peer must be `localhost` by roots of sds; with `probe`, it is shown a certificate of sds. */
function secretsOf(access: SdsAccess, { shows }: { readonly shows: boolean }): Json {
  const names = [{ san_type: "DNS", matcher: { exact: "localhost" } }];
  return over({
    ...(shows && { tls_certificate_sds_secret_configs: [secretConfig("probe", access)] }),
    combined_validation_context: {
      default_validation_context: { match_typed_subject_alt_names: names },
      validation_context_sds_secret_config: secretConfig("probe-ca", access),
    },
  });
}

/** A cluster of which one endpoint speaks TLS, by its metadata, and one does not. */
function mixed({ plain, secure }: { readonly plain: number; readonly secure: number }): Json {
  const at = (port: number) => ({
    endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } },
  });
  const labels = { filter_metadata: { "envoy.transport_socket_match": { tls: true } } };
  const lb_endpoints = [at(plain), { ...at(secure), metadata: labels }];
  return clusterOf("mixed", {
    ports: [],
    // A machine that is busy is no reason to fail.
    checks: [{ ...httpCheck, timeout: "10s" }],
    more: {
      transport_socket_matches: [{ name: "tls", match: { tls: true }, ...over() }],
      load_assignment: { cluster_name: "mixed", endpoints: [{ lb_endpoints }] },
    },
  });
}

const grpcCheck: Json = { ...pace, timeout: "1s", grpc_health_check: {} };
const http2Check: Json = {
  ...pace,
  timeout: "1s",
  http_health_check: { path: "/health", codec_client_type: "HTTP2" },
};
const pongCheck: Json = {
  ...pace,
  timeout: "1s",
  tcp_health_check: { send: { text: "50494e470d0a" }, receive: [{ text: "2b504f4e47" }] },
};
/** An Envoy has no secret at its first probe: it must be known as failed for a while. */
const slowGrpcCheck: Json = { ...grpcCheck, interval: "2s", timeout: "2s", healthy_threshold: 2 };

async function changesOf(
  hds: DenvoyHds,
  cluster: string,
): Promise<readonly (readonly [unknown, unknown])[]> {
  const { changes } = await hds.call("GET", `/v1/changes?cluster=${cluster}`);
  return (changes as readonly Json[]).map(({ before, after }) => [before, after]);
}

/** Where sds is, with a certificate to show and roots to believe. */
async function startSecrets(opening: AsyncDisposableStack): Promise<SdsAccess> {
  const folder = opening.use(await TempFolder.create());
  await mountSecret(`${folder.path}/probe`, {
    "tls.crt": await pki("client.pem"),
    "tls.key": await pki("client.key"),
    "ca.crt": await pki("ca.pem"),
  });
  const flags = ["--secrets", folder.path, "--allow-unauthenticated"];
  const sds = opening.use(await startDenvoySds({ flags, read: [folder.path] }));
  return { address: sds.grpcAddress };
}

Deno.test("HTTP/1, HTTP/2, gRPC and TCP over TLS, and over mutual TLS with secrets of sds", async () => {
  await using opening = new AsyncDisposableStack();
  const keys = await serverKeys();
  const tls = {
    certificateChain: keys.cert,
    privateKey: keys.key,
    clientCa: await pki("ca.pem"),
  };
  const access = await startSecrets(opening);
  const [http1, http2] = [
    opening.use(new FaultyBackend("one", { tls: keys })),
    opening.use(new FaultyBackend("two")),
  ];
  const insisting = opening.use(new InsistingProxy(http2.port, keys));
  const ponger = opening.use(new Ponger(keys));
  const mutual = opening.use(await GrpcHealthBackend.start(tls));
  const another = opening.use(await GrpcHealthBackend.start(tls));
  const folder = opening.use(
    await TempFolder.create({
      "clusters.json": clustersFile(
        clusterOf("http1", { ports: [http1.port], more: over() }),
        mixed({ plain: http2.port, secure: http1.port }),
        clusterOf("http2", { ports: [http2.port], checks: [http2Check] }),
        clusterOf("http2-tls", { ports: [insisting.port], checks: [http2Check], more: over() }),
        clusterOf("tcp", { ports: [ponger.port], checks: [pongCheck], more: over() }),
        clusterOf("mutual", {
          ...{ ports: [mutual.port], checks: [slowGrpcCheck] },
          more: secretsOf(access, { shows: true }),
        }),
        clusterOf("nameless", {
          ...{ ports: [another.port], checks: [grpcCheck] },
          more: secretsOf(access, { shows: false }),
        }),
      ),
    }),
  );
  const flags = ["--report-interval", "300ms", "--panic-threshold", "0", "--doubt-from", "0"];
  const hds = opening.use(await startDenvoyHds({ clusters: folder.path, flags }));
  const { static_resources, ...rest } = proberBootstrap("prober", hds.grpcAddress);
  const { clusters } = static_resources as { readonly clusters: readonly Json[] };
  const withSds = { clusters: [...clusters, sdsCluster(access)] };
  opening.use(await startEnvoy({ bootstrap: { ...rest, static_resources: withSds } }));

  const well = [http1, http2, insisting, ponger, mutual].map(({ port }) => [port, "HEALTHY"]);
  await healthBecomes(hds.httpUrl, { ...Object.fromEntries(well), [another.port]: "UNHEALTHY" });
  assert.deepEqual(await changesOf(hds, "mutual"), [["UNKNOWN", "HEALTHY"]]);
  const healthy = async () => (await changesOf(hds, "mixed")).map(([, after]) => after);
  await eventually(async () => (await healthy()).length === 2, {
    what: "both of the mixed cluster to be found",
    withinMs: 20_000,
  });
  assert.deepEqual(await healthy(), ["HEALTHY", "HEALTHY"]);

  mutual.setServing(false);
  await healthBecomes(hds.httpUrl, { [mutual.port]: "UNHEALTHY", [http1.port]: "HEALTHY" });
  await http2.become("status");
  await healthBecomes(hds.httpUrl, { [http2.port]: "UNHEALTHY", [insisting.port]: "UNHEALTHY" });
});

Deno.test("TLS of checks that changes evicts nobody, and leaves no probes by the old one behind", async () => {
  await using backend = new FaultyBackend("slow", { tls: await serverKeys(), delayMs: 300 });
  const file = (sni: string) => {
    const context = over({}, sni);
    const check = { ...httpCheck, interval: "0.2s", timeout: "20s" };
    return clustersFile(
      clusterOf("web", { ports: [backend.port], checks: [check], more: context }),
    );
  };
  await using folder = await TempFolder.create({ "clusters.json": file("one") });
  const flags = ["--report-interval", "100ms", "--panic-threshold", "0"];
  await using hds = await startDenvoyHds({ clusters: folder.path, flags });
  await using prober = await startProber("prober", { hds: hds.grpcAddress });
  await healthBecomes(hds.httpUrl, { [backend.port]: "HEALTHY" });
  for (const [index, name] of ["two", "three"].entries()) {
    await folder.write("clusters.json", file(name));
    const updates = 2 + index;
    await eventually(async () => await prober.admin.stat("hds_delegate.updates") === updates, {
      what: `${updates} specifiers`,
      withinMs: 20_000,
    });
    const { answered } = backend;
    await eventually(() => backend.answered > answered + 2, { what: "probes", withinMs: 20_000 });
  }
  assert.deepEqual(await changesOf(hds, "web"), [["UNKNOWN", "HEALTHY"]]);
  assert.equal(await backend.mostAtOnce(), 1, "one probe at a time");
});

// SPDX-License-Identifier: Apache-2.0
import {
  cluster,
  endpoints,
  fileText,
  inlineRoutes,
  listener,
  type Resource,
} from "../envoy/resources.ts";
import {
  bootstrap,
  type DenvoyAds,
  type DenvoyHdsOptions,
  eventually,
  freePort,
  startDenvoyAds,
  startDenvoyHds,
  startEnvoy,
  TempFolder,
} from "../support/mod.ts";
import { type Condition, FaultyBackend, GrpcHealthBackend } from "./faulty_backend.ts";
import { healthBecomes, type Json, pace, startProber } from "./scene.ts";

const PKI = new URL("../../libs/runtime/testdata/", import.meta.url);

async function tlsKeys(): Promise<{ cert: string; key: string }> {
  const [cert, key] = await Promise.all(
    ["server.pem", "server.key"].map((file) => Deno.readTextFile(new URL(file, PKI))),
  );
  return { cert: cert ?? "", key: key ?? "" };
}

/** TLS with any certificate: it is the handshake that is checked. */
const tlsSocket: Json = {
  transport_socket: {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
      sni: "localhost",
    },
  },
};

const grpcCheck: Json = { ...pace, grpc_health_check: {} };

/** Clusters of ads: `web` has traffic, `tls` and `grpc` are checked only. */
function meshResources(
  { port, web, tls, grpc }: {
    readonly port: number;
    readonly web: readonly number[];
    readonly tls: readonly number[];
    readonly grpc: readonly number[];
  },
): readonly Resource[] {
  const mode = "ads-delta";
  const http2 = {
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  };
  // Envoys that route do not probe: they go by what hds decides.
  const ignore = { common_lb_config: { healthy_panic_threshold: { value: 0 } } };
  return [
    listener("web", { port, manager: inlineRoutes({ prefix: "/", cluster: "web" }) }),
    cluster("web", mode, ignore),
    endpoints("web", ...web),
    cluster("tls", mode, tlsSocket),
    endpoints("tls", ...tls),
    cluster("grpc", mode, { ...http2, health_checks: [grpcCheck] }),
    endpoints("grpc", ...grpc),
  ];
}

/** Which backends answer requests through Envoy, of some twenty. */
async function answering(url: string): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (let asked = 0; asked < 20; asked++) {
    const response = await fetch(url, { signal: AbortSignal.timeout(1000) });
    names.add(response.ok ? await response.text() : `${response.status}`);
    await response.body?.cancel().catch(() => {});
  }
  return names;
}

/** An ads, an hds, an Envoy that probes and another that has traffic. */
class Mesh implements AsyncDisposable {
  readonly good = new FaultyBackend("good");
  readonly bad = new FaultyBackend("bad");
  readonly port = freePort();
  hdsUrl = "";
  #open: AsyncDisposableStack | undefined;

  static async start(
    checkedOnly: { readonly tls: readonly number[]; readonly grpc: readonly number[] },
  ): Promise<Mesh> {
    const mesh = new Mesh();
    await using opening = new AsyncDisposableStack();
    opening.use(mesh.good);
    opening.use(mesh.bad);
    const web = [mesh.good.port, mesh.bad.port];
    const resources = fileText(meshResources({ port: mesh.port, web, ...checkedOnly }));
    const folder = opening.use(await TempFolder.create({ "mesh.json": resources }));
    const ads = opening.use(await startDenvoyAds({ resources: folder.path }));
    const hds = opening.use(await startDenvoyHds(hdsOptions(ads)));
    opening.use(await startProber("prober", { hds: hds.grpcAddress }));
    const configuration = bootstrap({ managementAddress: ads.grpcAddress });
    const traffic = opening.use(await startEnvoy({ bootstrap: configuration }));
    await traffic.admin.ready();
    const all = [...web, ...checkedOnly.tls, ...checkedOnly.grpc];
    await healthBecomes(hds.httpUrl, Object.fromEntries(all.map((port) => [port, "HEALTHY"])));
    mesh.hdsUrl = hds.httpUrl;
    mesh.#open = opening.move();
    return mesh;
  }

  /** Waits until exactly these backends answer requests through the Envoy with traffic. */
  async answers(...wanted: readonly string[]): Promise<void> {
    await eventually(async () => {
      const seen = await answering(`http://127.0.0.1:${this.port}/`);
      return seen.size === wanted.length && wanted.every((name) => seen.has(name));
    }, { what: `${wanted.join(" and ")} to answer`, withinMs: 40_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.disposeAsync();
  }
}

function hdsOptions({ grpcAddress, httpAddress, httpUrl }: DenvoyAds): DenvoyHdsOptions {
  return {
    flags: [
      ...["--ads", grpcAddress, "--ads-url", httpUrl, "--report-interval", "500ms"],
      ...["--default-check", "http:/health", "--default-interval", "500ms"],
      ...["--default-timeout", "300ms", "--flap-limit", "0"],
    ],
    connects: [grpcAddress, httpAddress],
  };
}

Deno.test("an endpoint that fails leaves the traffic of another Envoy, and comes back", async (t) => {
  const keys = await tlsKeys();
  await using goodTls = new FaultyBackend("good", { tls: keys });
  await using badTls = new FaultyBackend("bad", { tls: keys });
  await using goodGrpc = await GrpcHealthBackend.start();
  await using badGrpc = await GrpcHealthBackend.start();
  await using mesh = await Mesh.start({
    tls: [goodTls.port, badTls.port],
    grpc: [goodGrpc.port, badGrpc.port],
  });
  const conditions: readonly Condition[] = ["status", "timeout", "refused"];
  for (const condition of conditions) {
    await t.step(condition, async () => {
      await mesh.answers("good", "bad");
      await mesh.bad.become(condition);
      await mesh.answers("good");
      await mesh.bad.become("well");
    });
  }
  await mesh.answers("good", "bad");

  await t.step("an error of TLS", async () => {
    await badTls.speakCleartext();
    await healthBecomes(mesh.hdsUrl, { [badTls.port]: "UNHEALTHY", [goodTls.port]: "HEALTHY" });
    await badTls.speakTls();
    await healthBecomes(mesh.hdsUrl, { [badTls.port]: "HEALTHY" });
  });

  await t.step("NOT_SERVING of gRPC", async () => {
    badGrpc.setServing(false);
    await healthBecomes(mesh.hdsUrl, { [badGrpc.port]: "UNHEALTHY", [goodGrpc.port]: "HEALTHY" });
    badGrpc.setServing(true);
    await healthBecomes(mesh.hdsUrl, { [badGrpc.port]: "HEALTHY" });
  });
});

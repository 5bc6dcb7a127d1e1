// SPDX-License-Identifier: Apache-2.0
// Who gets what: selectors, certificates, and what all keep when the folder goes wrong.
import assert from "node:assert/strict";
import {
  bootstrap,
  type Envoy,
  freePort,
  startDenvoyAds,
  startEnvoy,
  TempFolder,
  type XdsMode,
} from "../support/mod.ts";
import { metric, nodeStatus } from "./ads_status.ts";
import { certificateFile, certificateFolder } from "./certificates.ts";
import { simpleMesh, webListener } from "./mesh_files.ts";
import { startBackends } from "./backends.ts";
import { fileText, inlineRoutes, listener, routeConfig } from "./resources.ts";
import { Scene } from "./scene.ts";

const modes: readonly XdsMode[] = ["ads-delta", "ads-sotw"];

for (const mode of modes) {
  Deno.test(`nodes see what their selectors say, and regroup with a new one, ${mode}`, async () => {
    await using scene = await Scene.start({ mode, nodeId: "edge-1" });
    await using other = await scene.startEnvoy({
      nodeId: "edge-2",
      nodeMetadata: { stage: "test" },
    });
    const holds = async (envoy: Envoy, body: string) =>
      JSON.stringify(await envoy.admin.configDump("Routes")).includes(`"${body}"`);
    const routes = (body: string) => [
      routeConfig("web-routes", { prefix: "/", status: 200, body }),
    ];
    await scene.write("web.yaml", [webListener({ mode, port: scene.port })]);
    await scene.write("routes.yaml", routes("for all"));
    await scene.until(
      "both to have what is for all",
      async () => await holds(scene.envoy, "for all") && await holds(other, "for all"),
    );

    await scene.write("test.yaml", routes("for test"), { metadata: { stage: "test" } });
    await scene.until("the node of the stage to have its own", () => holds(other, "for test"));
    assert.equal(await holds(scene.envoy, "for all"), true);

    await scene.write("edge-1.yaml", routes("for edge-1"), { id: "edge-1" });
    await scene.until("the node of the id to have its own", () => holds(scene.envoy, "for edge-1"));
    assert.equal(await holds(other, "for test"), true);
    assert.equal((await nodeStatus(scene.ads, "edge-1"))?.selectors.length, 1);

    await scene.folder.remove("test.yaml");
    await scene.until("the other to have what is for all again", () => holds(other, "for all"));
    assert.equal(await metric(scene.ads, "ads_nacks_total"), 0);
  });
}

/** How a folder goes wrong. */
const breakages: Readonly<
  Record<string, { readonly run: (scene: Scene) => Promise<void>; readonly says: RegExp }>
> = {
  "bad YAML": {
    run: (scene) => write(scene, "resources: [\n"),
    says: /routes\.yaml:\d+/,
  },
  "an unknown field": {
    run: (scene) => {
      const routes = { ...routeConfig("web-routes"), virtual_host: [] };
      return write(scene, fileText([routes]));
    },
    says: /virtual_host/,
  },
  "a half written file": {
    run: async (scene) => {
      const text = await scene.folder.read("routes.yaml");
      await scene.folder.writeInPlace("routes.yaml", text.slice(0, text.length / 2));
    },
    says: /routes\.yaml:\d+/,
  },
  "an emptied file": {
    run: async (scene) => {
      await scene.folder.writeInPlace("routes.yaml", "");
    },
    says: /become empty/,
  },
  "a folder that is gone": {
    run: async (scene) => await Deno.rename(scene.folder.path, `${scene.folder.path}-gone`),
    says: /no such file or folder/,
  },
};

Deno.test("a folder that goes wrong changes nothing for traffic, is told of, and heals", async (t) => {
  await using backends = await startBackends("blue", "green");
  await using scene = await Scene.start();
  const { blue, green } = backends.ports;
  const mesh = { mode: scene.mode, port: scene.port, target: "front" };
  await scene.writeTogether(simpleMesh({ ...mesh, backend: blue }));
  await scene.untilAnswers({ status: 200, body: "blue" });
  await using load = scene.load(100);
  let healed = 0;
  for (const [name, { run, says }] of Object.entries(breakages)) {
    await t.step({
      name,
      fn: async () => {
        await run(scene);
        const readiness = await scene.until("the files to be degraded", async () => {
          const response = await fetch(`${scene.ads.httpUrl}/readyz`);
          const text = await response.text();
          assert.equal(response.status, 200, text);
          const { components } = JSON.parse(text) as Readiness;
          return components.files.status === "degraded" && components.files;
        });
        assert.match(readiness.message, says);
        assert.ok(await metric(scene.ads, "ads_file_problems") > 0);
        assert.equal((await scene.ask()).status, 200);
        healed++;
        await heal(scene, simpleMesh({ ...mesh, backend: healed % 2 === 0 ? blue : green }));
        await scene.untilAnswers({ status: 200, body: healed % 2 === 0 ? "blue" : "green" }, {
          // A folder that comes back may only be seen by the next poll.
          withinMs: 20_000,
        });
        assert.equal(await metric(scene.ads, "ads_file_problems"), 0);
      },
      // What the scene has under way ends with the scene: the whole test is checked.
      sanitizeOps: false,
      sanitizeResources: false,
    });
  }
  assert.deepEqual((await load.stop()).failures, []);
  assert.equal(await metric(scene.ads, "ads_nacks_total"), 0);
});

for (const transport of ["native", "grpc-js"]) {
  Deno.test(`a node is who its certificate says, or is refused, over ${transport}`, async () => {
    const port = freePort();
    const manager = inlineRoutes({ prefix: "/", status: 200, body: "known" });
    await using folder = await TempFolder.create({
      "web.yaml": fileText([listener("web", { port, manager })]),
    });
    await using ads = await startDenvoyAds({
      resources: folder.path,
      read: [certificateFolder],
      // Readiness is asked for over TLS, which the harness does not speak.
      waitReady: false,
      flags: [
        ...["--grpc-server", transport],
        ...[
          "--tls-cert",
          certificateFile("server.pem"),
          "--tls-key",
          certificateFile("server.key"),
        ],
        ...["--client-ca", certificateFile("ca.pem")],
        ...["--node-identity", "spiffe://denvoy.test/node/{id}"],
      ],
    });
    await using impostor = await startEnvoy({
      bootstrap: tlsBootstrap(ads.grpcAddress, "envoy-2"),
    });
    await impostor.admin.until(
      () => ads.child.lines.some((line) => line.includes("must show the URI SAN")),
      { what: "ads to refuse the impostor", detail: () => ads.child.lastWords() },
    );
    const refusals = ads.child.lines.filter((line) => line.includes("must show the URI SAN"));
    assert.match(refusals[0] ?? "", /spiffe:\/\/denvoy\.test\/node\/envoy-2/);
    assert.match(refusals[0] ?? "", /spiffe:\/\/denvoy\.test\/node\/envoy-1/);
    // 7 is PERMISSION_DENIED.
    await impostor.admin.until(
      () => impostor.child.lines.some((line) => /closed: 7, .*node\/envoy-2/.test(line)),
      { what: "the impostor to be told why" },
    );
    assert.deepEqual(await impostor.admin.listenerNames(), []);

    await using known = await startEnvoy({ bootstrap: tlsBootstrap(ads.grpcAddress, "envoy-1") });
    await known.admin.ready();
    await known.admin.until(
      async () => (await known.admin.listenerNames()).includes("web"),
      { what: "the listener of who is known" },
    );
    const response = await fetch(`http://127.0.0.1:${port}/`);
    assert.equal(await response.text(), "known");
  });
}

interface Readiness {
  readonly components: {
    readonly files: { readonly status: string; readonly message: string };
  };
}

async function write(scene: Scene, text: string): Promise<void> {
  await scene.folder.write("routes.yaml", text);
}

async function heal(scene: Scene, files: ReturnType<typeof simpleMesh>): Promise<void> {
  await Deno.rename(`${scene.folder.path}-gone`, scene.folder.path).catch(() => {});
  await scene.writeTogether(files);
}

/** A bootstrap whose Envoy shows the certificate of the node `envoy-1`, whatever its id is. */
function tlsBootstrap(managementAddress: string, nodeId: string) {
  const plain = bootstrap({ managementAddress, nodeId });
  const { clusters } = plain.static_resources as { readonly clusters: readonly object[] };
  const socket = {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
      sni: "localhost",
      common_tls_context: {
        tls_certificates: [{
          certificate_chain: { filename: certificateFile("client.pem") },
          private_key: { filename: certificateFile("client.key") },
        }],
        validation_context: { trusted_ca: { filename: certificateFile("ca.pem") } },
      },
    },
  };
  const secured = clusters.map((each) => ({ ...each, transport_socket: socket }));
  return { ...plain, static_resources: { clusters: secured } };
}

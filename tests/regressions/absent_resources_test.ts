// SPDX-License-Identifier: Apache-2.0
// An empty answer to a poll for a name that nobody has was rejected by Envoy at every poll.
import assert from "node:assert/strict";
import { configSource } from "../support/mod.ts";
import { secret, servedCommonName } from "../envoy/certificates.ts";
import { inlineRoutes, listener } from "../envoy/resources.ts";
import { Scene } from "../envoy/scene.ts";

const tls = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";

Deno.test("an Envoy that polls rejects nothing while a secret does not exist, and takes it later", async () => {
  await using scene = await Scene.start({ mode: "rest" });
  const { port, envoy } = scene;
  const sds = { name: "web-cert", sds_config: configSource("rest") };
  await scene.write("web.yaml", [
    listener("web", {
      port,
      manager: inlineRoutes({ prefix: "/", status: 200, body: "over TLS" }),
      transportSocket: {
        name: "envoy.transport_sockets.tls",
        typed_config: {
          "@type": tls,
          common_tls_context: { tls_certificate_sds_secret_configs: [sds] },
        },
      },
    }),
  ]);
  const sum = async (counter: string) => {
    const values = [...(await envoy.admin.stats(`web-cert\\.${counter}$`)).values()];
    return values.reduce((total, value) => total + value, 0);
  };
  await scene.until("several polls for the secret", async () => await sum("update_attempt") >= 4);
  assert.equal(await sum("update_rejected"), 0, scene.lastWords());
  await scene.write("secret.yaml", [await secret("web-cert", "server")]);
  await scene.until(
    "the certificate",
    async () => await servedCommonName(port) === "server-1",
  );
  assert.equal(await sum("update_rejected"), 0, scene.lastWords());
});

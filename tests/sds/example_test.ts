// SPDX-License-Identifier: Apache-2.0
/** The quick start of sds, as its page says it: no configuration, two tokens, two Envoys. */
import { join } from "node:path";
import { repositoryRoot } from "@denvoy/tools/real_parts";
import {
  type Bootstrap,
  eventually,
  freePorts,
  startDenvoyAds,
  startDenvoySds,
  startEnvoy,
  TempFolder,
} from "../support/mod.ts";
import { runDenvoy } from "../cli/run_denvoy.ts";

Deno.test("examples/mtls: two Envoys talk over mutual TLS with nothing but their tokens", async () => {
  const [tls = 0, plain = 0] = freePorts(2);
  await using folder = await TempFolder.create();
  for (const name of ["backend.yaml", "frontend.yaml"]) {
    const text = await Deno.readTextFile(join(repositoryRoot, "examples", "mtls", name));
    const moved = text.replaceAll("10443", String(tls)).replaceAll("10080", String(plain));
    await folder.write(`resources/${name}`, moved);
  }
  await using ads = await startDenvoyAds({ resources: folder.file("resources") });
  await using sds = await startDenvoySds();
  const bring = async (name: string) => {
    const token = await runDenvoy(["secrets", "join", name, "--server", sds.httpUrl]);
    const output = folder.file(`${name}.json`);
    const node = ["--node-id", `${name}-1`, "--node-cluster", name, "--ads", ads.grpcAddress];
    const place = ["--sds", sds.grpcAddress, "--sds-api", sds.httpUrl, "--join", token.out.trim()];
    await runDenvoy(["bootstrap", ...node, ...place, "--format", "json", "-o", output]);
    const bootstrap = JSON.parse(await Deno.readTextFile(output));
    bootstrap.admin.address.socket_address.port_value = 0;
    return await startEnvoy({ bootstrap: bootstrap as Bootstrap });
  };
  await using _backend = await bring("backend");
  await using _frontend = await bring("frontend");
  await eventually(async () => {
    const response = await fetch(`http://127.0.0.1:${plain}/`);
    return await response.text() === "hello over mutual TLS\n";
  }, { what: "an answer over mutual TLS", withinMs: 30_000, detail: () => sds.child.lastWords() });
});

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { join } from "node:path";
import { createBootstrap } from "@denvoy/cli/bootstrap";
import { repositoryRoot } from "@denvoy/tools/real_parts";
import { parse } from "yaml";
import { runDenvoy } from "../cli/run_denvoy.ts";
import {
  type Bootstrap,
  startDenvoyAds,
  startEnvoy,
  TempFolder,
  validateBootstrap,
} from "../support/mod.ts";
import { certificateFile } from "./certificates.ts";

const ca = ["--tls-ca", certificateFile("ca.pem")];
const client = [
  ...["--tls-cert", certificateFile("client.pem")],
  ...["--tls-key", certificateFile("client.key")],
];
const secure = ["--ads", "denvoy.test:18000", ...ca];

const variants: Readonly<Record<string, readonly string[]>> = {
  "by default": [],
  "with SotW": ["--mode", "sotw"],
  "with a Delta stream per type": ["--mode", "separate-delta"],
  "with a SotW stream per type": ["--mode", "separate-sotw"],
  "with polls": ["--mode", "rest"],
  "with node selectors' fields": [
    ...["--node-cluster", "web", "--region", "eu", "--zone", "eu-1", "--sub-zone", "a"],
    ...["--metadata", "stage=prod", "--metadata", "canary=true", "--metadata", 'list=["a",1]'],
  ],
  "with replicas by name": ["--ads", "ads-1.test:18000", "--ads", "ads-2.test:18000"],
  "with IPv6": ["--ads", "[::1]:18000"],
  "with a Unix socket": ["--ads", "unix:/run/denvoy.sock"],
  "with TLS": secure,
  "with TLS and polls": [...secure, "--mode", "rest"],
  "with TLS to an IP address": ["--ads", "127.0.0.1:18000", ...ca],
  "with TLS to a SPIFFE id": [...secure, "--server-san", "spiffe://shop/denvoy"],
  "with mutual TLS": [...secure, ...client, "--sni", "denvoy.test"],
  "with mutual TLS by files of SDS": [...secure, ...client, "--sds-dir", "sds"],
  "without the admin API": ["--admin-port", "0"],
  "with runtime values": ["--runtime", "envoy.logging.check=true", "--runtime", "a.b=3"],
  "with a runtime layer": ["--rtds", "base", "--runtime", "a.b=3"],
  "as JSON": ["--format", "json"],
};

for (const [name, flags] of Object.entries(variants)) {
  Deno.test(`denvoy bootstrap makes what a real Envoy accepts ${name}`, async () => {
    await using folder = await TempFolder.create();
    // Envoy must find the files of SDS from where it runs.
    const absolute = flags.map((flag) => flag === "sds" ? folder.file("sds") : flag);
    const run = await runDenvoy(["bootstrap", "--node-id", "web-1", ...absolute]);
    assert.equal(run.code, 0, run.error);
    const { ok, output } = await validateBootstrap(parse(run.out) as Bootstrap);
    assert.equal(ok, true, output);
    assert.doesNotMatch(output, /\[warning\]|deprecated/i);
  });
}

Deno.test("denvoy bootstrap -o writes a file that Envoy reads", async () => {
  await using folder = await TempFolder.create();
  const output = folder.file("new/envoy.yaml");
  const run = await runDenvoy(["bootstrap", "--node-id", "web-1", "-o", output]);
  assert.deepEqual(run, { code: 0, out: "", error: `wrote ${output}\n` });
  const { ok } = await validateBootstrap(parse(await Deno.readTextFile(output)) as Bootstrap);
  assert.equal(ok, true);
});

Deno.test("the example's bootstrap is what denvoy bootstrap makes", async () => {
  const path = join(repositoryRoot, "examples", "bootstrap", "local.yaml");
  const made = createBootstrap({
    node: { id: "quickstart", cluster: "web" },
    servers: [{ kind: "tcp", hostname: "127.0.0.1", port: 18_000 }],
    admin: { host: "127.0.0.1", port: 9901 },
  });
  assert.deepEqual(made, parse(await Deno.readTextFile(path)));
});

interface TlsCase {
  readonly flags: readonly string[];
  readonly connects: boolean;
}

const tlsCases: Readonly<Record<string, TlsCase>> = {
  "with keys read once": { flags: client, connects: true },
  "with keys by files of SDS": { flags: [...client, "--sds-dir", "sds"], connects: true },
  "only to the name that it was told": {
    flags: [...client, "--server-san", "other.test"],
    connects: false,
  },
};

for (const [name, { flags, connects }] of Object.entries(tlsCases)) {
  Deno.test(`an Envoy with mutual TLS connects ${name}`, async () => {
    await using folder = await TempFolder.create();
    const files = ["server.pem", "server.key", "ca.pem"].map(certificateFile);
    const [cert = "", key = "", roots = ""] = files;
    await using ads = await startDenvoyAds({
      flags: ["--tls-cert", cert, "--tls-key", key, "--client-ca", roots],
      read: files,
      waitReady: false,
    });
    const absolute = flags.map((flag) => flag === "sds" ? folder.file("sds") : flag);
    const run = await runDenvoy([
      ...["bootstrap", "--node-id", "web-1", "--ads", ads.grpcAddress, ...ca],
      ...absolute,
    ]);
    assert.equal(run.code, 0, run.error);
    const made = parse(run.out) as Record<string, unknown>;
    const address = { socket_address: { address: "127.0.0.1", port_value: 0 } };
    await using envoy = await startEnvoy({ bootstrap: { ...made, admin: { address } } });
    const stat = connects ? "control_plane.connected_state" : "cluster.denvoy.ssl.fail_verify_san";
    await envoy.admin.until(
      async () => (await envoy.admin.stat(stat) ?? 0) > 0,
      { what: `${stat} above 0`, withinMs: 20_000 },
    );
  });
}

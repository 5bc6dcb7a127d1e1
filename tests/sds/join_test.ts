// SPDX-License-Identifier: Apache-2.0
/** A new Envoy is brought in with nothing but the commands that the documentation shows. */
import assert from "node:assert/strict";
import {
  type Bootstrap,
  eventually,
  freePort,
  startDenvoySds,
  startEnvoy,
  TempFolder,
} from "../support/mod.ts";
import { runDenvoy } from "../cli/run_denvoy.ts";
import { openssl } from "./certificates.ts";
import { tlsListener } from "./scene.ts";

Deno.test("denvoy bootstrap --join brings an Envoy in once, and denvoy secrets shows what it holds", async () => {
  await using folder = await TempFolder.create();
  await using sds = await startDenvoySds();
  const server = ["--server", sds.httpUrl];
  const made = await runDenvoy(["secrets", "join", "web", ...server]);
  assert.equal(made.code, 0, made.error);
  const output = folder.file("envoy.json");
  const args = ["bootstrap", "--node-id", "web-1", "--join", made.out.trim(), "-o", output];
  args.push("--format", "json");
  const place = ["--sds", sds.grpcAddress, "--sds-api", sds.httpUrl];
  const written = await runDenvoy([...args, ...place]);
  assert.equal(written.code, 0, written.error);
  assert.equal(((await Deno.stat(output)).mode ?? 0) & 0o077, 0, "others may read the token");
  const again = await runDenvoy([...args, ...place]);
  assert.notEqual(again.code, 0);
  assert.match(again.error, /the join token is unknown, over or used/);

  const access = { address: sds.grpcAddress };
  const bootstrap = JSON.parse(await Deno.readTextFile(output));
  bootstrap.admin.address.socket_address.port_value = 0;
  delete bootstrap.dynamic_resources;
  bootstrap.static_resources.listeners = [tlsListener(freePort(), { access, trust: "ROOTCA" })];
  await using envoy = await startEnvoy({ bootstrap: bootstrap as Bootstrap });
  await envoy.admin.ready();
  await eventually(
    async () => (await envoy.admin.get("/certs")).includes("spiffe://denvoy.local/web"),
    { what: "the certificate of the service" },
  );
  const listed = await runDenvoy(["secrets", "list", ...server]);
  assert.match(listed.out, /spiffe:\/\/denvoy\.local\/web +tls-certificate +workload/);
  const inspected = await runDenvoy(["secrets", "inspect", "web", ...server]);
  assert.match(inspected.out, /spiffe:\/\/denvoy\.local\/web +web-1 +127\.0\.0\.1:\d+ +synced/);
  const rotated = await runDenvoy(["secrets", "rotate", "web", ...server]);
  assert.equal(rotated.code, 0, rotated.error);
});

Deno.test("denvoy secrets issue: openssl verifies what comes back for a key that stayed where it was", async () => {
  await using folder = await TempFolder.create();
  await using sds = await startDenvoySds();
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const out = ["-keyout", "batch.key", "-out", "batch.csr", "-subj", "/CN=ignored"];
  await openssl(folder.path, "req", ...key, ...out);
  const output = folder.file("chain.pem");
  const names = ["--identity", "jobs/batch", "--dns-name", "batch.example"];
  const issued = await runDenvoy([
    ...["secrets", "issue", "--csr", folder.file("batch.csr"), ...names, "-o", output],
    ...["--server", sds.httpUrl],
  ]);
  assert.equal(issued.code, 0, issued.error);
  await folder.write("roots.pem", await (await fetch(`${sds.httpUrl}/v1/bundle.pem`)).text());
  const files = ["-CAfile", "roots.pem", "-untrusted", "chain.pem", "chain.pem"];
  const verified = await openssl(folder.path, "verify", "-x509_strict", ...files);
  assert.match(verified, /chain\.pem: OK/);
  const text = await openssl(folder.path, "x509", "-in", "chain.pem", "-noout", "-text");
  assert.match(text, /URI:spiffe:\/\/denvoy\.local\/jobs\/batch/);
  assert.match(text, /DNS:batch\.example/);
  assert.doesNotMatch(text, /ignored/);
});

// SPDX-License-Identifier: Apache-2.0
/** Revoked client certificates open neither port of any service, by the lists that sds publishes. */
import assert from "node:assert/strict";
import { silentLogger, StatusCode, StatusError } from "@denvoy/base";
import { connectGrpc } from "@denvoy/grpc";
import { serviceMethods } from "@denvoy/proto";
import { connectXds, type XdsClient } from "@denvoy/discovery";
import { type ServiceHandle, systemClock } from "@denvoy/runtime";
import { TypeUrls } from "@denvoy/xds";
import { services } from "../../cli/serve/services.ts";
import type { Issued } from "../../services/sds/domain/certificate_authority.ts";
import { type StrangeCa, strangeCa } from "../../services/sds/testing.ts";
import { type DenvoySds, eventually, TempFolder } from "../support/mod.ts";
import { openssl } from "./certificates.ts";
import { OwnMesh } from "./own_mesh.ts";

const { Check } = serviceMethods("grpc.health.v1.Health");

/** Starts a service of this process that knows an administrator and refuses whom the lists name. */
async function startWith(service: string, folder: TempFolder): Promise<ServiceHandle> {
  const servable = services.find(({ schema }) => schema.service === service);
  const file = (name: string) => folder.file(name);
  const prepared = servable?.prepare({
    args: [
      ...["--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0"],
      ...["--tls-cert", file("server.pem"), "--tls-key", file("server.key")],
      ...["--client-ca", file("roots.pem"), "--tls-crl", file("crl.pem")],
      ...["--http-admin", "spiffe://shop/ops/*", "--log-level", "error"],
      ...(service === "rls" ? ["--limits", file("limits"), "--debug-address", "127.0.0.1:0"] : []),
      ...(service === "rls" ? [] : ["--data-dir", ":memory:"]),
    ],
    env: {},
    readFile: () => undefined,
  });
  if (prepared?.kind === "ready") return await prepared.start();
  throw new TypeError(`Cannot start ${service}: ${JSON.stringify(prepared)}`);
}

/** What a certificate gets from both ports: the status of HTTP, and the code of gRPC. */
async function getsFrom(
  { addresses: { http = "", grpc = "" } }: ServiceHandle,
  { chainPem: cert, keyPem: key }: Issued,
  { rootPem }: Pick<StrangeCa, "rootPem">,
): Promise<readonly [number, number]> {
  using client = Deno.createHttpClient({ caCerts: [rootPem], cert, key });
  const url = `https://localhost:${http.split(":").at(-1)}/metrics`;
  const response = await fetch(url, { client });
  await response.body?.cancel();
  const tls = { serverCa: rootPem, certificateChain: cert, privateKey: key };
  await using calls = connectGrpc({ address: grpc, tls: { ...tls, serverName: "localhost" } });
  const code = await calls.unary(Check, { service: "" }, { timeoutMs: 10_000 })
    .then(() => StatusCode.OK, (error) => StatusError.from(error).code);
  return [response.status, code];
}

Deno.test("no port of any service is open to a certificate that is on a list", async (t) => {
  const ca = await strangeCa();
  const [server, good, bad] = await Promise.all([
    ca.issue({ dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"] }),
    ca.issue({ spiffeId: "spiffe://shop/ops/ada" }),
    ca.issue({ spiffeId: "spiffe://shop/ops/eve" }),
  ]);
  await ca.revoke(bad);
  await using folder = await TempFolder.create({
    "server.pem": server.chainPem,
    "server.key": server.keyPem,
    "roots.pem": ca.rootPem,
    "crl.pem": await ca.lists(),
    "limits/none.yaml": "domain: none\n",
  });
  for (const { schema: { service } } of services) {
    await t.step(service, async () => {
      await using handle = await startWith(service, folder);
      assert.deepEqual(await getsFrom(handle, good, ca), [200, StatusCode.OK]);
      assert.deepEqual(await getsFrom(handle, bad, ca), [401, StatusCode.UNAVAILABLE]);
    });
  }
});

/** What sds publishes now, put where ads reads it, in one step. */
async function fetchLists(mesh: OwnMesh, sds: DenvoySds): Promise<void> {
  const { status, text } = await mesh.http("GET", sds.httpUrl, { path: "/v1/crl.pem" });
  assert.equal(status, 200);
  await Deno.writeTextFile(mesh.key("crl.new"), text);
  await Deno.rename(mesh.key("crl.new"), mesh.key("crl.pem"));
}

/** What openssl says of a certificate by the lists that ads reads. */
function verified(mesh: OwnMesh, name: string): Promise<string> {
  const files = ["-CAfile", "roots.pem", "-CRLfile", "crl.pem", "-untrusted", `${name}.pem`];
  return openssl(mesh.keys, "verify", "-crl_check_all", ...files, `${name}.pem`);
}

Deno.test("ads cuts off whom sds has revoked, when it is given the new lists, and lets the others be", async () => {
  await using folder = await TempFolder.create();
  const mesh = await OwnMesh.create(folder, ["sds", "ads", "web", "front", "ops/eve"]);
  await using sds = await mesh.startSds(["--http-admin", "spiffe://mesh/ops/*"]);
  await fetchLists(mesh, sds);
  for (const name of ["web", "eve"]) assert.match(await verified(mesh, name), /OK/);
  await using ads = await mesh.startAds(sds, [
    ...["--tls-crl", mesh.key("crl.pem"), "--http-admin", "spiffe://mesh/ops/*"],
  ]);
  const patience = { withinMs: 30_000, detail: () => ads.child.lastWords() };
  const status = async (as: string, { httpAddress }: { readonly httpAddress: string }) =>
    (await mesh.http("GET", httpAddress, { path: "/v1/nodes", as })).status;
  assert.deepEqual([await status("eve", ads), await status("ada", ads)], [200, 200]);
  await using web = await connectWaiting(mesh, { address: ads.grpcAddress, name: "web" });
  await using front = await connectWaiting(mesh, { address: ads.grpcAddress, name: "front" });
  await eventually(() => [web, front].every((node) => node.report()[0]?.phase === "connected"), {
    ...{ what: "both nodes to be connected", ...patience },
  });

  for (const name of ["web", "eve"]) await mesh.revoke(sds, name);
  assert.equal(await status("eve", sds), 401, "sds needs no file of its own lists");
  assert.equal(await status("eve", ads), 200, "ads does not know yet");
  await fetchLists(mesh, sds);
  for (const name of ["web", "eve"]) await assert.rejects(verified(mesh, name), /revoked/);
  assert.match(await verified(mesh, "front"), /OK/);
  await eventually(async () => await status("eve", ads) === 401, {
    ...{ what: "ads to refuse the administrator", ...patience },
  });
  await eventually(() => web.report()[0]?.failure !== undefined, {
    ...{ what: "the stream of the revoked node to end", ...patience },
  });
  assert.match(ads.child.lines.join("\n"), /connections end with their .*"why":"revoked"/);
  await eventually(
    () => ads.child.lines.some((line) => /connection refused as its client.*mesh\/web/.test(line)),
    { what: "its next connection to be refused", ...patience },
  );
  const metrics = await mesh.http("GET", ads.httpAddress, { path: "/metrics" });
  assert.match(metrics.text, /ads_grpc_client_certificate_ends_total\{why="revoked"\} 1\n/);
  assert.match(metrics.text, /ads_tls_crl_next_update_seconds \d+/);
  assert.equal(front.report()[0]?.phase, "connected");
  assert.equal(front.report()[0]?.failure, undefined);

  await Deno.writeTextFile(mesh.key("crl.pem"), "gone");
  await eventually(
    () => ads.child.lines.some((line) => /cannot reload files.*there are 0/.test(line)),
    {
      ...{ what: "the broken file to be told", ...patience },
    },
  );
  assert.equal(await status("eve", ads), 401, "the last good lists count");
  assert.equal(await status("ada", ads), 200);
});

/** A node that asks for clusters; it waits between attempts, so that refusals are few. */
async function connectWaiting(mesh: OwnMesh, { address, name }: {
  readonly address: string;
  readonly name: string;
}): Promise<XdsClient> {
  const node = connectXds({
    servers: [address],
    node: { id: name, cluster: name },
    tls: { current: await mesh.clientTls(name) },
    tuning: { backoff: { initialMs: 200, maxMs: 2000, factor: 2 } },
    clock: systemClock,
    logger: silentLogger,
  });
  node.subscribe(TypeUrls.cluster, { decode: (value) => value.byteLength });
  return node;
}

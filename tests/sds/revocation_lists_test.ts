// SPDX-License-Identifier: Apache-2.0
/** Revoked client certificates open neither port of ads, by the lists that sds publishes. */
import assert from "node:assert/strict";
import { silentLogger } from "@denvoy/base";
import { connectXds, type XdsClient } from "@denvoy/discovery";
import { systemClock } from "@denvoy/runtime";
import { TypeUrls } from "@denvoy/xds";
import { type DenvoySds, eventually, TempFolder } from "../support/mod.ts";
import { openssl } from "./certificates.ts";
import { OwnMesh } from "./own_mesh.ts";

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

// SPDX-License-Identifier: Apache-2.0
/** Who is revoked gets no secrets by way of ads either: three processes, mutual TLS between them. */
import assert from "node:assert/strict";
import type { XdsClient, XdsSubscription } from "@denvoy/discovery";
import { TypeUrls } from "@denvoy/xds";
import { eventually, TempFolder } from "../support/mod.ts";
import { OwnMesh, TRUST_DOMAIN } from "./own_mesh.ts";

/** The own certificate of a node, as it comes over its stream to ads. */
class OwnCertificate {
  readonly absent: string[] = [];
  readonly #secrets: XdsSubscription<number>;

  constructor(node: XdsClient) {
    this.#secrets = node.subscribe(TypeUrls.secret, {
      names: ["default"],
      decode: (value) => value.byteLength,
      absent: (absences) => this.absent.push(...absences.map(({ name }) => name)),
    });
  }

  /** Its version; undefined while there is none. */
  get version(): string | undefined {
    return this.#secrets.resources.get("default")?.version;
  }
}

Deno.test("a revoked node gets nothing from sds by way of ads, not on the stream that is open either", async () => {
  await using folder = await TempFolder.create();
  const mesh = await OwnMesh.create(folder, ["sds", "ads", "web", "front"]);
  await using sds = await mesh.startSds();
  await using ads = await mesh.startAds(sds);
  const patience = {
    withinMs: 30_000,
    detail: () => `${ads.child.lastWords()}\n${sds.child.lastWords()}`,
  };
  await using web = await mesh.connectNode(ads.grpcAddress, "web");
  await using front = await mesh.connectNode(ads.grpcAddress, "front");
  const own = { web: new OwnCertificate(web), front: new OwnCertificate(front) };
  await eventually(() => own.web.version !== undefined && own.front.version !== undefined, {
    ...{ what: "the certificates of both", ...patience },
  });
  const before = { web: own.web.version, front: own.front.version };

  await mesh.revoke(sds, "web");
  const identity = `spiffe://${TRUST_DOMAIN}/web`;
  const serial = await mesh.serial("web");
  const refused = new RegExp(
    `caller refused.*client certificate ${serial} of .*${identity}.* is revoked`,
  );
  await eventually(() => sds.child.lines.some((line) => refused.test(line)), {
    ...{ what: "sds to end the stream of the revoked node", ...patience },
  });
  for (const name of ["web", "front"]) {
    const { status } = await mesh.http("POST", sds.httpUrl, { path: `/v1/rotate/${name}` });
    if (name === "front") assert.equal(status, 200);
  }
  await eventually(() => own.front.version !== before.front, {
    ...{ what: "the renewal of the node that is not revoked", ...patience },
  });
  assert.equal(own.web.version, before.web, "the revoked node was given a new certificate");

  await using again = await mesh.connectNode(ads.grpcAddress, "web");
  const second = new OwnCertificate(again);
  await eventually(() => second.absent.includes("default"), {
    ...{ what: "the revoked node to be told that there is nothing", ...patience },
  });
  assert.equal(second.version, undefined);
});

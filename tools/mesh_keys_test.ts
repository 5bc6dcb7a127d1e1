// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { makeMeshKeys } from "./mesh_keys.ts";

Deno.test("makeMeshKeys() makes certificates of one root, once, with keys for their owner alone", async () => {
  const folder = await Deno.makeTempDir();
  const read = (name: string) => Deno.readTextFile(join(folder, name));
  try {
    const names = ["ads", "sds"];
    assert.ok(await makeMeshKeys({ folder, names }));
    const chain = await read("ads.pem");
    const leaf = new X509Certificate(chain);
    assert.match(leaf.subjectAltName ?? "", /URI:spiffe:\/\/denvoy\.local\/ads/);
    assert.match(leaf.subjectAltName ?? "", /DNS:ads.*DNS:localhost.*127\.0\.0\.1/);
    for (const name of ["ads.key", "sds.key"]) {
      assert.equal(((await Deno.stat(join(folder, name))).mode ?? 0) & 0o077, 0, name);
    }
    const files = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    assert.deepEqual(files.sort(), ["ads.key", "ads.pem", "roots.pem", "sds.key", "sds.pem"]);
    assert.equal(await makeMeshKeys({ folder, names }), false);
    assert.equal(await read("ads.pem"), chain);
    assert.ok(await makeMeshKeys({ folder, names: [...names, "web"] }));
    assert.notEqual(await read("ads.pem"), chain, "all are of one root");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { join } from "node:path";
import { exists, installOnce } from "./cache.ts";
import { envoyRelease, isWantedEnvoy } from "./envoy.ts";
import { capture } from "./process.ts";
import { verifySha256, wheelForPlatform } from "./wheel.ts";

async function withCache(body: (cache: string) => Promise<void>): Promise<void> {
  const cache = await Deno.makeTempDir();
  try {
    await body(cache);
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
}

Deno.test("installOnce() builds a part once and returns the same folder afterwards", async () => {
  await withCache(async (cache) => {
    let builds = 0;
    const build = (folder: string) => Deno.writeTextFile(join(folder, "file"), `${++builds}`);
    assert.equal(await installOnce("part", build, { cache }), join(cache, "part"));
    assert.equal(await installOnce("part", build, { cache }), join(cache, "part"));
    assert.equal(await Deno.readTextFile(join(cache, "part", "file")), "1");
  });
});

Deno.test("installOnce() lets the first of two concurrent builds win and leaves no draft", async () => {
  await withCache(async (cache) => {
    const barrier = Promise.withResolvers<void>();
    let waiting = 0;
    const build = async (folder: string) => {
      await Deno.writeTextFile(join(folder, "file"), "whole");
      if (++waiting === 2) barrier.resolve();
      await barrier.promise;
    };
    await Promise.all([
      installOnce("part", build, { cache }),
      installOnce("part", build, { cache }),
    ]);
    assert.equal(await Deno.readTextFile(join(cache, "part", "file")), "whole");
    assert.deepEqual(Array.from(Deno.readDirSync(cache), (entry) => entry.name), ["part"]);
  });
});

Deno.test("installOnce() leaves nothing behind when the build fails", async () => {
  await withCache(async (cache) => {
    const build = () => Promise.reject(new Error("no network"));
    await assert.rejects(installOnce("part", build, { cache }), /no network/);
    assert.equal(await exists(join(cache, "part")), false);
    assert.deepEqual(Array.from(Deno.readDirSync(cache)), []);
  });
});

Deno.test("wheelForPlatform() says what is published and what to do instead", () => {
  assert.equal(wheelForPlatform(envoyRelease, "linux-x86_64").platform, "manylinux_2_31_x86_64");
  assert.throws(
    () => wheelForPlatform(envoyRelease, "freebsd-x86_64"),
    /published for linux-x86_64.*this machine is freebsd-x86_64; put an envoy 1\.40\.x on PATH/,
  );
});

Deno.test("verifySha256() refuses a file with another hash", async () => {
  const file = await Deno.makeTempFile();
  const ofNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  await verifySha256(file, ofNothing);
  await assert.rejects(verifySha256(file, "00"), /must be 00: it is e3b0c442/);
  await Deno.remove(file);
});

Deno.test("isWantedEnvoy() takes any patch release of the minor version", () => {
  assert.equal(isWantedEnvoy("envoy  version: 9e55/1.40.3/Clean/RELEASE/BoringSSL"), true);
  assert.equal(isWantedEnvoy("envoy  version: 9e55/1.39.0/Clean/RELEASE/BoringSSL"), false);
  assert.equal(isWantedEnvoy(""), false);
});

Deno.test("capture() gives code 127 for a program that does not exist", async () => {
  assert.equal((await capture("denvoy-no-such-program", [])).code, 127);
});

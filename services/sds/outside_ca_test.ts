// SPDX-License-Identifier: Apache-2.0
/** The files of an outside CA: taken at the start, followed, and never replaced by what is broken. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { nodePrimitives } from "./adapters/node_primitives.ts";
import { distinguishedName, signCertificate } from "./domain/ca/certificate_writer.ts";
import { caExtensions, keyIdOf } from "./domain/ca/extensions.ts";
import { writePem } from "./domain/pem.ts";
import { WebCryptoKeys } from "./adapters/web_crypto_keys.ts";
import { TestSds } from "./testing.ts";

const DAY = 86_400_000;

interface OutsideFiles {
  readonly rootPem: string;
  readonly chainPem: string;
  readonly keyPem: string;
}

/** A root and an intermediate of today, as another CA makes them. */
async function makeOutside(name: string): Promise<OutsideFiles> {
  const [rootKey, key] = [await makeKey(), await makeKey()];
  const rootName = distinguishedName(`${name} root`, "Company");
  const dates = { notBeforeMs: Date.now() - DAY, notAfterMs: Date.now() + 30 * DAY };
  const make = (subject: Uint8Array, of: typeof key, pathLength: number) =>
    signCertificate({
      serial: nodePrimitives.randomBytes(8),
      issuer: rootName,
      subject,
      ...dates,
      spki: of.spki,
      extensions: caExtensions({
        pathLength,
        trustDomain: "",
        subjectKeyId: keyIdOf(of.spki, nodePrimitives),
      }).slice(0, 3),
    }, rootKey);
  const root = await make(rootName, rootKey, 1);
  const signer = await make(distinguishedName(`${name} mesh`, "Company"), key, 0);
  return {
    rootPem: writePem("CERTIFICATE", root),
    chainPem: writePem("CERTIFICATE", signer),
    keyPem: writePem("PRIVATE KEY", key.pkcs8),
  };
}

function makeKey(): ReturnType<WebCryptoKeys["generate"]> {
  return new WebCryptoKeys().generate("ec-p256");
}

async function write(folder: string, outside: OutsideFiles, mode = 0o600): Promise<void> {
  await Deno.writeTextFile(join(folder, "ca.key"), outside.keyPem);
  await Deno.chmod(join(folder, "ca.key"), mode);
  await Deno.writeTextFile(join(folder, "ca.crt"), outside.chainPem);
  await Deno.writeTextFile(join(folder, "roots.crt"), outside.rootPem);
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let count = 0; !await isTrue(); count++) {
    assert.ok(count < 300, "it does not come true");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

Deno.test("sds signs with an outside CA, follows its files, and keeps it when they are broken", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const first = await makeOutside("first");
    const second = await makeOutside("second");
    await write(folder, first);
    const path = (name: string) => join(folder, name);
    await using sds = await TestSds.start([
      ...["--ca-cert", path("ca.crt"), "--ca-key", path("ca.key")],
      ...["--ca-roots", path("roots.crt")],
    ]);
    const bundle = async () => (await sds.call("GET", "/v1/bundle.pem")).text;
    assert.equal((await bundle()).trim(), first.rootPem.trim());
    assert.ok(!sds.log().includes("key of outside CA is open"));

    await write(folder, { ...second, keyPem: first.keyPem });
    await until(() => Promise.resolve(sds.log().includes("cannot reload files")));
    assert.equal((await bundle()).trim(), first.rootPem.trim());
    assert.match((await sds.call("GET", "/readyz")).text, /outside_ca/);
    assert.ok(!sds.log().includes(first.keyPem.split("\n")[1] ?? "none"));

    await write(folder, second, 0o644);
    await until(async () => (await bundle()).includes(second.rootPem.trim()));
    assert.ok((await bundle()).includes(first.rootPem.trim()));
    await until(() => Promise.resolve(sds.log().includes("its mode is 0644")));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

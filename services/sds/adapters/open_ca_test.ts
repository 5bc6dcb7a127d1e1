// SPDX-License-Identifier: Apache-2.0
/** The CA on disk: restarts, who may read its key, and that no key can be found in its files. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ProblemError, StatusError } from "@denvoy/base";
import { FakeClock, RecordingLogger } from "@denvoy/base/testing";
import { defaultCaSettings } from "../domain/ca/ca_settings.ts";
import type { NewKey, SigningKey } from "../domain/ca/signing_key.ts";
import type { KeyType } from "../domain/certificate_facts.ts";
import { openCa, type OpenCaOptions } from "./open_ca.ts";
import { WebCryptoKeys } from "./web_crypto_keys.ts";

const cart = { spiffeId: "spiffe://denvoy.local/cart" };

/** Makes real keys, and remembers each for a search. */
class RememberedKeys extends WebCryptoKeys {
  readonly made: NewKey[] = [];

  override async generate(type: KeyType): Promise<NewKey> {
    const key = await super.generate(type);
    this.made.push(key);
    return key;
  }

  override import(pkcs8: Uint8Array): Promise<SigningKey> {
    return super.import(pkcs8);
  }
}

interface Folder extends AsyncDisposable {
  readonly path: string;
  readonly options: OpenCaOptions & { readonly clock: FakeClock; readonly logger: RecordingLogger };
}

async function makeFolder(changes: Partial<OpenCaOptions> = {}): Promise<Folder> {
  const path = await Deno.makeTempDir();
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const settings = defaultCaSettings;
  return {
    path,
    options: { dataDir: path, settings, ...changes, clock, logger },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

Deno.test("openCa() opens the same CA again, with the key that it made", async () => {
  await using folder = await makeFolder();
  const bundles: string[] = [];
  for (let count = 0; count < 2; count++) {
    await using opened = await openCa(folder.options);
    bundles.push(opened.ca.trustBundle().bundlePem);
    await opened.ca.issue(cart);
    assert.equal((await opened.ca.listIssued()).length, count + 1);
  }
  assert.equal(bundles[0], bundles[1]);
  const { mode } = await Deno.stat(join(folder.path, "sealing.key"));
  assert.equal((mode ?? 0) & 0o777, 0o600);
  const database = await Deno.stat(join(folder.path, "sds.db"));
  assert.equal((database.mode ?? 0) & 0o777, 0o600);
});

Deno.test("openCa() does what is due as time passes", async () => {
  await using folder = await makeFolder();
  await using opened = await openCa(folder.options);
  folder.options.clock.advance(340 * 86_400_000);
  await until(() => opened.ca.trustBundle().authorities.length === 2);
  assert.equal(opened.ca.trustBundle().authorities[1]?.state, "prepared");
});

async function until(isTrue: () => boolean): Promise<void> {
  for (let count = 0; count < 1000 && !isTrue(); count++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

Deno.test("no key can be found in the files of the data folder, nor in logs", async () => {
  const keys = new RememberedKeys();
  const secret = "0123456789abcdef0123456789abcdef";
  await using folder = await makeFolder({ keys, sealingSecret: secret });
  {
    await using opened = await openCa(folder.options);
    const issued = await opened.ca.issue(cart);
    await opened.ca.issue({ ...cart, keyType: "rsa-2048" });
    await opened.ca.revoke(issued.facts.serial);
    await opened.ca.prepareRoot();
    await opened.ca.activateRoot({ force: true });
    await assert.rejects(opened.ca.issue({ dnsNames: ["a b"] }));
    await searchFolder(folder.path, [...keys.made]);
  }
  await searchFolder(folder.path, [...keys.made]);
  assert.ok(keys.made.length >= 6);
  const logs = JSON.stringify(folder.options.logger.lines);
  for (const { pkcs8 } of keys.made) assert.ok(!logs.includes(pkcs8.toBase64().slice(0, 32)));
  assert.ok(!logs.includes(secret));
});

/** The private part of a P-256 key in PKCS#8 begins at byte 36; of an RSA key, primes lie behind it. */
async function searchFolder(path: string, keys: readonly NewKey[]): Promise<void> {
  const files = (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
  assert.ok(files.includes("sds.db") && !files.includes("sealing.key"), files.join());
  for (const name of files) {
    const content = Buffer.from(await Deno.readFile(join(path, name)));
    for (const { pkcs8 } of keys) {
      for (const part of [pkcs8.subarray(36, 60), pkcs8.subarray(-200, -170)]) {
        if (part.length < 24) continue;
        const forms = [Buffer.from(part), Buffer.from(part.toHex()), Buffer.from(part.toBase64())];
        for (const form of forms) assert.ok(!content.includes(form), `a key is in ${name}`);
      }
    }
    assert.ok(!content.includes("0123456789abcdef0123456789abcdef"), name);
    assert.ok(!content.includes("PRIVATE KEY"), name);
  }
}

Deno.test("openCa() refuses another secret, and says so without quoting either", async () => {
  await using folder = await makeFolder({ sealingSecret: "a".repeat(32) });
  await (await openCa(folder.options))[Symbol.asyncDispose]();
  const other = { ...folder.options, sealingSecret: "b".repeat(32) };
  await assert.rejects(openCa(other), (error) => {
    assert.ok(error instanceof StatusError);
    assert.match(error.message, /must have been sealed with the key that is given now/);
    assert.ok(!error.message.includes("aaaa") && !error.message.includes("bbbb"));
    return true;
  });
});

const refused: readonly (readonly [string, string, number, RegExp])[] = [
  ["others may read it", "x".repeat(40), 0o644, /only its owner may read it: its mode is 0644/],
  ["its group may read it", "x".repeat(40), 0o640, /its mode is 0640/],
  ["it is short", "x".repeat(31), 0o600, /32 characters or more: has 31/],
  ["it is empty", "\n", 0o600, /has 0/],
];

for (const [name, text, mode, expected] of refused) {
  Deno.test(`openCa() refuses a file with the secret when ${name}`, async () => {
    await using folder = await makeFolder();
    const sealingFile = join(folder.path, "secret");
    await Deno.writeTextFile(sealingFile, text);
    await Deno.chmod(sealingFile, mode);
    await assert.rejects(openCa({ ...folder.options, sealingFile }), (error) => {
      assert.ok(error instanceof ProblemError);
      assert.match(error.message, expected);
      assert.ok(error.message.includes(sealingFile) && !error.message.includes("xxxx"));
      return true;
    });
  });
}

Deno.test("openCa() refuses a file with the secret that is not there", async () => {
  await using folder = await makeFolder();
  const sealingFile = join(folder.path, "nothing");
  await assert.rejects(openCa({ ...folder.options, sealingFile }), ProblemError);
});

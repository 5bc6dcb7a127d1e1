// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem, ProblemError, silentLogger } from "@denvoy/base";
import { RecordingLogger } from "@denvoy/base/testing";
import { Readiness } from "../http/readiness.ts";
import { systemClock } from "../system_clock.ts";
import { certificateFacts, type TlsMaterial } from "../tls_material.ts";
import { loadTlsFiles, readTlsMaterial } from "./tls_files.ts";

const folder = new URL("../testdata/", import.meta.url).pathname;

async function problemsOf(reading: Promise<unknown>): Promise<readonly string[]> {
  const error = await reading.then(() => undefined, (thrown) => thrown);
  assert.ok(error instanceof ProblemError, String(error));
  return error.problems.map(formatProblem).map((line) => line.replaceAll(folder, ""));
}

Deno.test("readTlsMaterial() takes a chain and key that belong together, with roots", async () => {
  const material = await readTlsMaterial({
    cert: `${folder}server.pem`,
    key: `${folder}server.key`,
    clientCa: `${folder}ca.pem`,
  });
  assert.match(material.clientCa ?? "", /BEGIN CERTIFICATE/);
  const facts = certificateFacts(material.certificateChain);
  assert.match(facts?.subject ?? "", /CN=server-1/);
  assert.ok((facts?.notAfterMs ?? 0) > Date.UTC(2100, 0));
});

Deno.test("readTlsMaterial() says what is wrong and never quotes the key", async (t) => {
  const table: readonly [string, readonly [string, string, string?], readonly string[]][] = [
    ["other key", ["server.pem", "client.key"], [
      "server.pem: cannot use certificate as its key must be the one in client.key",
    ]],
    ["swapped", ["server.key", "server.pem"], [
      "server.key: cannot use file as it must hold a PEM certificate",
      "server.pem: cannot use file as it must hold a PEM private key without a passphrase",
    ]],
    ["roots without a certificate", ["server.pem", "server.key", "README.md"], [
      "README.md: cannot use file as it must hold a PEM certificate",
    ]],
  ];
  for (const [name, [cert, key, clientCa], want] of table) {
    await t.step(name, async () => {
      const paths = { cert: folder + cert, key: folder + key };
      const all = clientCa === undefined ? paths : { ...paths, clientCa: folder + clientCa };
      const found = await problemsOf(readTlsMaterial(all));
      assert.deepEqual(found.map((line) => line.replaceAll(folder, "")), want);
    });
  }
  await t.step("missing files", async () => {
    const found = await problemsOf(readTlsMaterial({ cert: "/no/cert", key: "/no/key" }));
    assert.equal(found.length, 2);
    assert.match(found.join(), /\/no\/cert: cannot read file.*\/no\/key: cannot read file/);
  });
});

Deno.test("loadTlsFiles() keeps the last good pair until the new one is whole", async () => {
  const own = await Deno.makeTempDir();
  const paths = { cert: `${own}/tls.pem`, key: `${own}/tls.key` };
  await Deno.copyFile(`${folder}server.pem`, paths.cert);
  await Deno.copyFile(`${folder}server.key`, paths.key);
  const logger = new RecordingLogger();
  const readiness = new Readiness(systemClock);
  const health = readiness.component("tls");
  let failures = 0;
  const counter = { add: () => void failures++ };
  await using files = await loadTlsFiles(paths, { logger, health, failures: counter, pollMs: 50 });
  const first = files.current;
  assert.equal(readiness.report().status, "ok");

  await Deno.copyFile(`${folder}server_2.pem`, paths.cert);
  await until(() => readiness.report().status === "degraded");
  assert.equal(files.current, first);
  assert.equal(failures, 1);
  assert.match(readiness.report().components.tls?.message ?? "", /key must be the one in/);

  const told = new Promise<TlsMaterial>((resolve) => files.subscribe(resolve));
  await Deno.copyFile(`${folder}server_2.key`, paths.key);
  assert.match(certificateFacts((await told).certificateChain)?.subject ?? "", /server-2/);
  assert.equal(readiness.report().status, "ok");
  assert.ok(!JSON.stringify(logger.lines).includes("PRIVATE KEY"));
  await Deno.remove(own, { recursive: true });
});

Deno.test("loadTlsFiles() rejects at the start and leaves nothing open", async () => {
  const paths = { cert: `${folder}server.pem`, key: `${folder}client.key` };
  await problemsOf(loadTlsFiles(paths, { logger: silentLogger }));
});

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > end) assert.fail("condition not met within 5 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

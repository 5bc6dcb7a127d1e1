// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { join } from "node:path";
import { ProblemError } from "@denvoy/base";
import { RecordingLogger } from "@denvoy/base/testing";
import { readPem, until } from "@denvoy/grpc/testing";
import { type ClientTlsPaths, loadClientTls } from "./client_tls_files.ts";

/** Runs with a folder of keys as files. */
async function withKeys(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const name of ["ca.pem", "client.pem", "client.key", "server.pem", "server.key"]) {
      await Deno.writeTextFile(join(folder, name), readPem(name));
    }
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("loadClientTls() takes what is given, and says what cannot be used", async (t) => {
  await withKeys(async (folder) => {
    const file = (name: string) => join(folder, name);
    const cases: [string, ClientTlsPaths, RegExp | readonly string[]][] = [
      ["nothing: the system's roots", {}, []],
      ["roots", { ca: file("ca.pem") }, ["serverCa"]],
      [
        "a pair and a name",
        { cert: file("client.pem"), key: file("client.key"), serverName: "ads" },
        ["certificateChain", "privateKey", "serverName"],
      ],
      ["a certificate alone", { cert: file("client.pem") }, /must be given together/],
      ["a key alone", { key: file("client.key") }, /must be given together/],
      ["no file", { ca: file("none.pem") }, /none\.pem: cannot read file/],
      ["no certificates", { ca: file("client.key") }, /must hold a PEM certificate/],
      ["another's key", { cert: file("client.pem"), key: file("server.key") }, /its key must be/],
    ];
    for (const [what, paths, wanted] of cases) {
      await t.step(what, async () => {
        const load = () => loadClientTls(paths, { logger: new RecordingLogger() });
        if (wanted instanceof RegExp) {
          return await assert.rejects(
            load,
            (error) => error instanceof ProblemError && wanted.test(error.message),
          );
        }
        await using keys = await load();
        assert.deepEqual(Object.keys(keys.current), wanted);
      });
    }
  });
});

Deno.test("loadClientTls() follows its files, and keeps the last good ones", async () => {
  await withKeys(async (folder) => {
    const [cert, key] = [join(folder, "client.pem"), join(folder, "client.key")];
    const logger = new RecordingLogger();
    await using keys = await loadClientTls({ cert, key }, { logger, pollMs: 20 });
    const first = keys.current;
    await Deno.writeTextFile(cert, readPem("server.pem"));
    await until("the refusal", () => logger.lines.some(({ level }) => level === "error"));
    assert.equal(keys.current, first);
    await Deno.writeTextFile(key, readPem("server.key"));
    await until("the new pair", () => keys.current !== first);
    assert.equal(keys.current.certificateChain, readPem("server.pem"));
  });
});

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { connect } from "node:tls";
import { silentLogger } from "@denvoy/base";
import { readTlsMaterial } from "../../files/tls_files.ts";
import { HttpServer } from "./http_server.ts";
import type { HttpRequest } from "./message.ts";

const folder = new URL("../../testdata/", import.meta.url).pathname;

function pem(name: string): string {
  return Deno.readTextFileSync(folder + name);
}

function material(leaf: string, clientCa?: string) {
  const paths = { cert: `${folder}${leaf}.pem`, key: `${folder}${leaf}.key` };
  return readTlsMaterial(
    clientCa === undefined ? paths : { ...paths, clientCa: folder + clientCa },
  );
}

async function serve(leaf: string, clientCa?: string): Promise<HttpServer> {
  return await HttpServer.listen({
    address: { kind: "tcp", hostname: "127.0.0.1", port: 0 },
    tls: await material(leaf, clientCa),
    logger: silentLogger,
    limits: { stallTimeoutMs: 1_000 },
    async handler(request: HttpRequest) {
      let size = 0;
      for await (const part of request.body) size += part.length;
      const { certificate, secure } = request;
      const body = JSON.stringify({ name: certificate?.subject, secure, size });
      return { status: 200, headers: {}, body: new TextEncoder().encode(body) };
    },
  });
}

async function call(server: HttpServer, leaf?: string, body?: string): Promise<unknown> {
  const identity = leaf === undefined ? {} : { cert: pem(`${leaf}.pem`), key: pem(`${leaf}.key`) };
  const client = Deno.createHttpClient({ caCerts: [pem("ca.pem")], ...identity });
  try {
    const url = `https://localhost:${server.address.split(":").at(-1)}/`;
    const response = await fetch(url, {
      client,
      ...(body !== undefined && { method: "PUT", body }),
    });
    return await response.json();
  } finally {
    client.close();
  }
}

Deno.test("acceptTls() serves TLS and passes large bodies", async () => {
  await using server = await serve("server");
  assert.deepEqual(await call(server), { secure: true, size: 0 });
  assert.deepEqual(await call(server, undefined, "x".repeat(3_000_000)), {
    secure: true,
    size: 3_000_000,
  });
});

Deno.test("acceptTls() names a client only by a certificate that chains to the roots", async () => {
  await using server = await serve("server", "ca.pem");
  assert.deepEqual(await call(server, "client"), { name: "CN=operator-1", secure: true, size: 0 });
  assert.deepEqual(await call(server, "nameless"), { name: "", secure: true, size: 0 });
  assert.deepEqual(await call(server, "intruder"), { secure: true, size: 0 });
  assert.deepEqual(await call(server), { secure: true, size: 0 });
});

Deno.test("HttpServer.reloadTls() changes the keys of connections to come", async () => {
  await using server = await serve("server");
  const before = await subjectOf(server);
  server.reloadTls(await material("server_2"));
  const after = await subjectOf(server);
  assert.deepEqual([before, after], ["server-1", "server-2"]);
});

Deno.test("acceptTls() outlives garbage, cleartext, resets and half handshakes", async () => {
  await using server = await serve("server", "ca.pem");
  const port = Number(server.address.split(":").at(-1));
  const hello = "\x16\x03\x01\x00\xff\x01\x00\x00\xfb\x03\x03";
  for (const raw of ["GET / HTTP/1.1\r\n\r\n", "\x00".repeat(10_000), hello, ""]) {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(Uint8Array.from(raw, (character) => character.charCodeAt(0))).catch(() => {});
    conn.close();
  }
  assert.deepEqual(await call(server, "client"), { name: "CN=operator-1", secure: true, size: 0 });
});

async function subjectOf(server: HttpServer): Promise<string | undefined> {
  const port = Number(server.address.split(":").at(-1));
  const socket = connect({ host: "127.0.0.1", port, servername: "localhost", ca: pem("ca.pem") });
  try {
    return await new Promise((resolve, reject) => {
      socket.once("error", reject);
      socket.once("secureConnect", () => {
        const { subject } = socket.getPeerCertificate();
        resolve(subject?.CN === undefined ? undefined : String(subject.CN));
      });
    });
  } finally {
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.destroy();
    await closed;
  }
}

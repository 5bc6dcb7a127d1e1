// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { silentLogger } from "@denvoy/base";
import { HttpServer, type HttpServerOptions } from "./http_server.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "./message.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function start(handler: HttpHandler, more: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
  const address = { kind: "tcp", hostname: "127.0.0.1", port: 0 } as const;
  return HttpServer.listen({ address, handler, logger: silentLogger, ...more });
}

function connect(server: HttpServer): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port: Number(server.address.split(":").at(-1)) });
}

/** Sends raw bytes and returns all that comes back until the server closes. */
async function exchange(server: HttpServer, raw: string): Promise<string> {
  using conn = await connect(server);
  await conn.write(Uint8Array.from(raw, (character) => character.charCodeAt(0)));
  return await readAll(conn);
}

async function readAll(conn: Deno.Conn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const size = await conn.read(buffer).catch(() => null);
    if (size === null) return text;
    text += decoder.decode(buffer.subarray(0, size));
  }
}

async function echo(request: HttpRequest): Promise<HttpResponse> {
  let body = "";
  for await (const part of request.body) body += decoder.decode(part, { stream: true });
  const text = JSON.stringify([request.method, request.target, request.host, body]);
  return {
    status: 200,
    headers: { "content-type": "application/json" },
    body: encoder.encode(text),
  };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > end) assert.fail(`not within 5 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

Deno.test("HttpServer serves fetch with bodies of both framings on one connection", async () => {
  await using server = await start(echo);
  const url = `http://${server.address}/a?b=c`;
  const client = Deno.createHttpClient({});
  const plain = await fetch(url, { client, method: "POST", body: "x".repeat(100_000) });
  assert.equal((await plain.json())[3].length, 100_000);
  const stream = ReadableStream.from([encoder.encode("ab"), encoder.encode("cd")]);
  const chunked = await fetch(url, { client, method: "PUT", body: stream });
  assert.deepEqual(await chunked.json(), ["PUT", "/a?b=c", server.address, "abcd"]);
  assert.equal(server.connections, 1);
  client.close();
});

Deno.test("HttpServer answers pipelined requests in order", async () => {
  await using server = await start(echo);
  const one = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
  const two = "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
  const three = "GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const text = await exchange(server, one + two + three);
  assert.deepEqual(text.match(/\["\w+","[^\]]*\]/g), [
    '["GET","/1","a",""]',
    '["POST","/2","a","hi"]',
    '["GET","/3","a",""]',
  ]);
});

Deno.test("HttpServer refuses what is not a clean request", async (t) => {
  await using server = await start(echo, { limits: { headTimeoutMs: 500 } });
  const table: readonly [string, string, RegExp][] = [
    ["garbage", "\x00\x01\x02\r\n\r\n", /^HTTP\/1.1 400/],
    [
      "TLS to a cleartext port",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
      /^HTTP\/1.1 400/,
    ],
    ["HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", /^HTTP\/1.1 505/],
    ["no host", "GET / HTTP/1.1\r\n\r\n", /^HTTP\/1.1 400/],
    ["two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", /^HTTP\/1.1 400/],
    ["folded header", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", /^HTTP\/1.1 400/],
    ["space before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", /^HTTP\/1.1 400/],
    ["bare line feed", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", /^HTTP\/1.1 400/],
    ["NUL in header", "GET / HTTP/1.1\r\nHost: a\0\r\n\r\n", /^HTTP\/1.1 400/],
    [
      "length and chunked",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
      /^HTTP\/1.1 400/,
    ],
    [
      "two lengths",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
      /^HTTP\/1.1 400/,
    ],
    ["signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n", /^HTTP\/1.1 400/],
    [
      "unknown encoding",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      /^HTTP\/1.1 501/,
    ],
    [
      "huge header",
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(40_000)}\r\n\r\n`,
      /^HTTP\/1.1 431/,
    ],
    [
      "many headers",
      `GET / HTTP/1.1\r\nHost: a\r\n${"X: y\r\n".repeat(200)}\r\n`,
      /^HTTP\/1.1 431/,
    ],
    ["bad target", "GET foo HTTP/1.1\r\nHost: a\r\n\r\n", /^HTTP\/1.1 400/],
    [
      "bad chunk size",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      /^HTTP\/1.1 500/,
    ],
    ["nothing", "", /^$/],
    ["half a head", "GET / HTT", /^$/],
    ["unknown expectation", "GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", /^HTTP\/1.1 417/],
  ];
  for (const [name, raw, want] of table) {
    await t.step(name, async () => assert.match(await exchange(server, raw), want));
  }
  await t.step("and still serves", async () => {
    assert.equal((await fetch(`http://${server.address}/`).then((r) => r.json()))[1], "/");
  });
});

Deno.test("HttpServer takes the absolute form that proxies send, and HTTP/1.0", async () => {
  await using server = await start(echo);
  const absolute = await exchange(
    server,
    "GET http://real/x?y HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n",
  );
  assert.match(absolute, /\["GET","\/x\?y","real",""\]$/);
  assert.match(await exchange(server, "GET /old HTTP/1.0\r\n\r\n"), /"\/old"/);
});

Deno.test("HttpServer sends 100 Continue only when the body is read", async () => {
  await using server = await start((request) =>
    request.target === "/read"
      ? echo(request)
      : Promise.resolve({ status: 403, headers: {}, body: encoder.encode("no") })
  );
  const head = (target: string) =>
    `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`;
  assert.match(
    await exchange(server, head("/read") + "hi"),
    /^HTTP\/1.1 100 .*\r\n\r\nHTTP\/1.1 200/,
  );
  assert.match(await exchange(server, head("/refuse")), /^HTTP\/1.1 403/);
});

Deno.test("HttpServer closes connections that keep it waiting", async (t) => {
  await using server = await start(echo, {
    limits: { headTimeoutMs: 100, stallTimeoutMs: 100, idleTimeoutMs: 100, bodyTimeoutMs: 300 },
  });
  const table = {
    "silent": "",
    "slow head": "GET / HTTP/1.1\r\nHo",
    "stalled body": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
    "idle after an answer": "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  };
  for (const [name, raw] of Object.entries(table)) {
    await t.step(name, async () => void await exchange(server, raw));
  }
  await until(() => server.connections === 0, "no connections");
});

Deno.test("HttpServer closes a reader that stalls and stops what produces for it", async () => {
  let stopped = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield new Uint8Array(65_536);
    } finally {
      stopped = true;
    }
  }
  const answer = () => Promise.resolve({ status: 200, headers: {}, body: endless() });
  await using server = await start(answer, { limits: { stallTimeoutMs: 200 } });
  using conn = await connect(server);
  await conn.write(encoder.encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  await until(() => stopped, "the producer is stopped");
});

Deno.test("HttpServer tells a handler that its client is gone, and does not wait for one that hangs", async () => {
  let aborted = false;
  const hang = (request: HttpRequest) => {
    request.signal.addEventListener("abort", () => aborted = true);
    return new Promise<HttpResponse>(() => {});
  };
  const server = await start(hang);
  const conn = await connect(server);
  await conn.write(encoder.encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  await until(() => server.connections === 1, "connected");
  conn.close();
  await until(() => aborted, "aborted");
  await server.close(10);
});

Deno.test("HttpServer still answers a client that has ended its side", async () => {
  await using server = await start(echo);
  using conn = await connect(server);
  await conn.write(encoder.encode("GET /half HTTP/1.1\r\nHost: a\r\n\r\n"));
  await conn.closeWrite();
  assert.match(await readAll(conn), /"\/half"/);
});

Deno.test("HttpServer under a flood of slow connections serves a new client", async () => {
  await using server = await start(echo, { limits: { maxConnections: 8 } });
  const slow: Deno.Conn[] = [];
  for (let index = 0; index < 40; index++) {
    const conn = await connect(server);
    await conn.write(encoder.encode("GET / HTTP/1.1\r\nHo")).catch(() => {});
    slow.push(conn);
  }
  const response = await fetch(`http://${server.address}/new`, {
    headers: { connection: "close" },
  });
  assert.equal((await response.json())[1], "/new");
  assert.ok(server.connections <= 9, String(server.connections));
  for (const conn of slow) conn.close();
});

Deno.test("HttpServer keeps its limit when many connect at once", async () => {
  await using server = await start(echo, { limits: { maxConnections: 8 } });
  const slow = await Promise.all(Array.from({ length: 200 }, () => connect(server)));
  const response = await fetch(`http://${server.address}/new`, {
    headers: { connection: "close" },
  });
  assert.equal((await response.json())[1], "/new");
  assert.ok(server.connections <= 9, String(server.connections));
  for (const conn of slow) conn.close();
});

Deno.test("HttpServer.close() lets answers end, refuses new connections and cuts what outlasts the grace", async () => {
  const gate = Promise.withResolvers<void>();
  let answering = 0;
  const server = await start(async (request) => {
    answering++;
    if (request.target === "/slow") await gate.promise;
    else await new Promise(() => {});
    return { status: 200, headers: {}, body: encoder.encode("done") };
  });
  using slow = await connect(server);
  using hanging = await connect(server);
  await slow.write(encoder.encode("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"));
  await hanging.write(encoder.encode("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n"));
  await until(() => answering === 2, "both are being answered");
  const closed = server.close(500);
  gate.resolve();
  assert.match(await readAll(slow), /connection: close\r\n\r\ndone$/);
  await assert.rejects(connect(server));
  assert.equal(await readAll(hanging), "");
  await closed;
});

Deno.test("HttpServer never sends a header that could split the response", async () => {
  const bad = { "x-a": "1\r\nx-evil: 1", "x b": "2", "x-c": "3" };
  await using server = await start(() => Promise.resolve({ status: 200, headers: bad }));
  const response = await fetch(`http://${server.address}/`, { headers: { connection: "close" } });
  await response.body?.cancel();
  assert.deepEqual([response.headers.get("x-evil"), response.headers.get("x-c")], [null, "3"]);
});

Deno.test("HttpServer listens on a Unix socket, also where a killed process left one", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/http.sock`;
  const left = Deno.listen({ transport: "unix", path: `${path}.left` });
  await Deno.rename(`${path}.left`, path);
  await assert.rejects(start(echo, { address: { kind: "unix", path } }), Deno.errors.AddrInUse);
  left.close();
  await using server = await start(echo, { address: { kind: "unix", path } });
  assert.equal(server.address, `unix:${path}`);
  const conn = await Deno.connect({ transport: "unix", path });
  await conn.write(encoder.encode("GET /u HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  assert.match(await readAll(conn), /"\/u"/);
  conn.close();
  await Deno.remove(folder, { recursive: true });
});

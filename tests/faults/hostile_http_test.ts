// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { type DenvoyAds, eventually, startDenvoyAds } from "../support/mod.ts";
import { assertUnharmed, heapOf, memoryIsBelow, metric } from "./ads_health.ts";
import { PATIENCE_MS } from "./honest_client.ts";
import { changeCluster, CLUSTER_TYPE, clusterJson, put } from "./http_api.ts";
import { randomBytes } from "./raw_attacks.ts";
import { connectHttp, exchange, head, type Part } from "./raw_http.ts";

const HEAP_MIB = 192;
const MEBIBYTE = new Uint8Array(2 ** 20).fill(0x20);
const json = { "content-type": "application/json" };
const putA = "PUT /v1/resources/clusters/a";
const good = JSON.stringify(clusterJson("a"));

/** Requests, and the status that each must be answered with. */
const requests: Readonly<Record<string, readonly [status: number, ...request: readonly Part[]]>> = {
  "a name that rebinds to this address": [421, head("GET /v1/nodes", { host: "evil.example" })],
  "a name that only looks like loopback": [
    421,
    head("GET /v1/nodes", { host: "localhost.evil.example" }),
  ],
  "no name at all": [400, "GET /v1/nodes HTTP/1.1\r\n\r\n"],
  "two names": [400, "GET /v1/nodes HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n"],
  "a page of another site that reads": [
    403,
    head("GET /v1/nodes", { origin: "http://evil.example" }),
  ],
  "a page of another site that writes": [403, ...body(putA, good, { origin: "null" })],
  "another site, told by Sec-Fetch-Site": [
    403,
    head("GET /v1/nodes", { "sec-fetch-site": "cross-site" }),
  ],
  "a page that polls for its own": [
    403,
    ...body("POST /v3/discovery:clusters", "{}", { origin: "http://127.0.0.1" }),
  ],
  "a body that a form could send": [415, ...body(putA, good, { "content-type": "text/plain" })],
  "a path that nobody knows": [404, head("GET /v1/no/such")],
  "a path that climbs": [404, head("GET /../../../../etc/passwd")],
  "a name that climbs": [404, head("GET /v1/resources/clusters/..%2f..%2f..%2fetc%2fpasswd")],
  "a type that nobody knows": [404, head("GET /v1/resources/no-such/a")],
  "bad percent-encoding": [400, head("GET /v1/resources/clusters/%zz")],
  "percent-encoded bytes that are no text": [400, head("GET /v1/resources/clusters/%ff%fe")],
  "a method that the path does not have": [405, head("DELETE /v1/nodes")],
  "a method that nobody has": [405, head("TRACE /v1/nodes")],
  "HTTP/2 without asking": [505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  "two lengths": [
    400,
    head(putA, { ...json, "content-length": "2" }).replace(
      "\r\n\r\n",
      "\r\ncontent-length: 5\r\n\r\n",
    ),
    "{}",
  ],
  "a length and chunks": [
    400,
    head(putA, { ...json, "content-length": "2", "transfer-encoding": "chunked" }),
    "0\r\n\r\n",
  ],
  "a chunk of garbage": [
    400,
    head(putA, { ...json, "transfer-encoding": "chunked" }),
    "zz\r\n\r\n",
  ],
  "random bytes": [400, randomBytes(5_000, 11), "\r\n\r\n"],
  "a head of a megabyte": [431, "GET / HTTP/1.1\r\nx: ", MEBIBYTE],
  "a body that says it has 100 MB": [
    413,
    head(putA, { ...json, "content-length": "104857600" }),
    { bytes: MEBIBYTE, times: 100 },
  ],
  "chunks without end": [
    413,
    head(putA, { ...json, "transfer-encoding": "chunked" }),
    { bytes: chunk(MEBIBYTE), times: 100 },
  ],
  "JSON that is none": [400, ...body(putA, '{"name": ')],
  "JSON nested 100,000 deep": [400, ...body(putA, "[".repeat(100_000) + "]".repeat(100_000))],
  "objects nested 100,000 deep": [400, ...body(putA, '{"a":'.repeat(100_000))],
  "bytes that are no UTF-8": [400, ...body(putA, new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]))],
  "a field that nobody knows": [400, ...body(putA, JSON.stringify({ name: "a", no_such: 1 }))],
  "a value against the rules": [
    400,
    ...body(putA, JSON.stringify({ ...clusterJson("a"), connect_timeout: "-1s" })),
  ],
  "another name than the path's": [400, ...body(putA, JSON.stringify(clusterJson("b")))],
  "a prototype instead of a resource": [400, ...body(putA, '{"__proto__": {"name": "a"}}')],
};

Deno.test("hostile HTTP requests are refused, each with its status", async (t) => {
  await using ads = await startDenvoyAds({ env: heapOf(HEAP_MIB) });
  for (const [what, [status, ...request]] of Object.entries(requests)) {
    await t.step(what, async () => {
      const answer = await exchange(ads.httpAddress, ...request);
      assert.equal(answer.status, status, answer.text.slice(0, 1_000));
      await isServed(ads);
    });
  }
  assert.equal(await metric(ads, "ads_resources"), 0);
  await memoryIsBelow(ads, HEAP_MIB + 192);
  assertUnharmed(ads);
});

Deno.test("names that look like paths are names and nothing else", async () => {
  await using ads = await startDenvoyAds();
  for (const name of ["../../up", "a/b/c", "%2e%2e", "\u0000zero", "größe"]) {
    await put(ads, `clusters/${encodeURIComponent(name)}`, clusterJson(name));
    const path = `${ads.httpUrl}/v1/resources/clusters/${encodeURIComponent(name)}`;
    const answer = await (await fetch(path)).json();
    assert.equal(answer.name, name);
  }
  assertUnharmed(ads);
});

Deno.test("connections that send a request byte by byte keep nobody out", async () => {
  await using ads = await startDenvoyAds();
  using slow = new DisposableStack();
  // More than the server takes at once.
  for (let i = 0; i < 1_100; i++) {
    const connection = slow.use(await connectHttp(ads.httpAddress));
    await connection.write(new TextEncoder().encode("GET /v1/nodes HTTP/1.1\r\nhost: loc"));
    if (i % 100 === 0) await isServed(ads);
  }
  await isServed(ads);
  const open = await metric(ads, "ads_http_connections");
  assert.ok(open <= 1_024, `${open} connections are open`);
  assertUnharmed(ads);
});

Deno.test("watchers that never read are ended, and delay nobody", async () => {
  await using ads = await startDenvoyAds({ env: heapOf(HEAP_MIB) });
  using watchers = new DisposableStack();
  for (let i = 0; i < 20; i++) {
    const connection = watchers.use(await connectHttp(ads.httpAddress));
    await connection.write(new TextEncoder().encode(head("GET /v1/watch")));
  }
  await eventually(async () => await metric(ads, "ads_http_connections") >= 20, {
    what: "the watchers",
  });
  const startMs = performance.now();
  await changeCluster(ads, { name: "a", times: 600 });
  const each = (performance.now() - startMs) / 600;
  assert.ok(each < 200, `a change must not take ${each} ms`);
  await isServed(ads);
  await memoryIsBelow(ads, HEAP_MIB + 192);
  assertUnharmed(ads);
});

/** A request with a body of the right length. */
function body(
  requestLine: string,
  content: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): readonly Part[] {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return [
    head(requestLine, { ...json, "content-length": String(bytes.length), ...headers }),
    bytes,
  ];
}

/** Bytes as one chunk of a chunked body. */
function chunk(bytes: Uint8Array): Uint8Array {
  const size = new TextEncoder().encode(`${bytes.length.toString(16)}\r\n`);
  const whole = new Uint8Array(size.length + bytes.length + 2);
  whole.set(size);
  whole.set(bytes, size.length);
  whole.set([13, 10], size.length + bytes.length);
  return whole;
}

async function isServed(ads: DenvoyAds): Promise<void> {
  const startMs = performance.now();
  const response = await fetch(`${ads.httpUrl}/v1/resources?type=${CLUSTER_TYPE}`);
  await response.body?.cancel();
  assert.ok(response.ok, `an honest request must be answered: ${response.status}`);
  const waitedMs = performance.now() - startMs;
  assert.ok(waitedMs < PATIENCE_MS, `an honest request must not wait ${waitedMs} ms`);
}

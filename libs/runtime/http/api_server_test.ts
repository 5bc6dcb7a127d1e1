// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { StatusCode } from "@denvoy/base";
import { HttpError } from "./api/http_error.ts";
import { bodyOf, serve } from "./testing.ts";

Deno.test("serveApi() passes decoded path and declared query parameters", async () => {
  await using api = await serve();
  const found = await bodyOf(
    `${api.base}/v1/things/a%2Fb/c/d%20e?verbose&limit=3&tag=x&tag=y&view=full&soak=1.5s`,
  );
  assert.deepEqual(JSON.parse(found.body), {
    type: "a/b",
    name: "c/d e",
    query: { verbose: true, limit: 3, page: 1, soak: 1500, tag: ["x", "y"], view: "full" },
    principal: "anonymous",
  });
  assert.equal((await bodyOf(`${api.base}/v1/things/special/case`)).body, "special");
});

Deno.test("serveApi() answers errors as JSON with the status of their code", async (t) => {
  await using api = await serve();
  const put = { method: "PUT" };
  const big = { ...put, body: `"${"x".repeat(2_000)}"` };
  const chunked = { ...put, body: ReadableStream.from([new Uint8Array(2_000)]) };
  const table: readonly [string, string, RequestInit, number, RegExp][] = [
    ["unknown path", "/v2", {}, 404, /"NOT_FOUND","message":"no such path"/],
    ["method", "/v1/things/a/b", { method: "DELETE" }, 405, /GET, PUT, HEAD/],
    ["bad encoding", "/v1/things/a/%ff", {}, 400, /percent-encoded/],
    ["unknown query", "/v1/things/a/b?verbos", {}, 400, /did you mean \\"verbose\\"/],
    ["bad integer", "/v1/things/a/b?limit=x", {}, 400, /whole number from 1 to 9: is \\"x\\"/],
    ["too small", "/v1/things/a/b?limit=0", {}, 400, /whole number from 1 to 9: is \\"0\\"/],
    ["too large a number", "/v1/things/a/b?limit=10", {}, 400, /from 1 to 9: is \\"10\\"/],
    ["bad duration", "/v1/things/a/b?soak=5", {}, 400, /duration such as 30s: is \\"5\\"/],
    ["bad word", "/v1/things/a/b?view=x", {}, 400, /full, brief: is \\"x\\"/],
    ["given twice", "/v1/things/a/b?limit=1&limit=2", {}, 400, /once/],
    ["not JSON", "/v1/things/a/b", { ...put, body: "{" }, 400, /must be JSON/],
    ["not UTF-8", "/v1/things/a/b", { ...put, body: new Uint8Array([0xff]) }, 400, /UTF-8/],
    ["too large", "/v1/things/a/b", big, 413, /at most 1000 bytes/],
    ["too large in chunks", "/v1/things/a/b", chunked, 413, /at most 1000 bytes/],
    [
      "type",
      "/v1/things/a/b",
      { ...put, body: "{}", headers: { "content-type": "text/html" } },
      415,
      /application\/json/,
    ],
    ["StatusError", "/v1/things:status", { method: "POST" }, 404, /"message":"no thing here"/],
    [
      "problems",
      "/v1/things:problems",
      { method: "POST" },
      400,
      /"problems":\[\{"severity":"error","message":"must be X","path":"a.b"\}\]/,
    ],
    [
      "anything else",
      "/v1/things:crash",
      { method: "POST" },
      500,
      /^\{"error":\{"code":"INTERNAL","message":"internal error"\}\}\n$/,
    ],
  ];
  for (const [name, path, init, status, pattern] of table) {
    await t.step(name, async () => {
      const headers = init.body === undefined ? {} : { "content-type": "application/json" };
      const found = await bodyOf(api.base + path, {
        ...init,
        headers: { ...headers, ...init.headers },
      });
      assert.equal(found.status, status, found.body);
      assert.match(found.body, pattern);
    });
  }
  await t.step("only the unexpected is logged, once", () => {
    const errors = api.logger.lines.filter((line) => line.level === "error");
    assert.equal(errors.length, 1);
    assert.match(String(errors[0]?.fields.error), /hunter2/);
  });
});

Deno.test("serveApi() checks If-Match and answers If-None-Match", async (t) => {
  await using api = await serve();
  const table: readonly [Record<string, string>, number][] = [
    [{}, 200],
    [{ "if-match": '"7"' }, 200],
    [{ "if-match": '"6", "7"' }, 200],
    [{ "if-match": "*" }, 200],
    [{ "if-match": '"6"' }, 412],
    [{ "if-match": 'W/"7"' }, 412],
    [{ "if-none-match": "*" }, 412],
    [{ "if-none-match": '"6"' }, 200],
  ];
  for (const [headers, status] of table) {
    await t.step(JSON.stringify(headers), async () => {
      const init = {
        method: "PUT",
        body: "{}",
        headers: { ...headers, "content-type": "application/json" },
      };
      const found = await bodyOf(`${api.base}/v1/things/a/b`, init);
      assert.equal(found.status, status);
      if (status === 412) assert.equal(found.headers.get("etag"), '"7"');
    });
  }
  const url = `${api.base}/v1/things/special/case`;
  assert.equal((await bodyOf(url, { headers: { "if-none-match": 'W/"7"' } })).status, 304);
});

Deno.test("serveApi() tells readiness with details per component", async () => {
  await using api = await serve();
  const files = api.readiness.component("files");
  const store = api.readiness.component("store");
  const read = async () => {
    const { status, body } = await bodyOf(`${api.base}/readyz`);
    const report = JSON.parse(body);
    return [status, report.status, report.components.files.message];
  };
  assert.deepEqual(await read(), [503, "starting", ""]);
  files.ok();
  store.ok();
  assert.deepEqual(await read(), [200, "ok", ""]);
  files.degraded("a.yaml: bad");
  assert.deepEqual(await read(), [200, "degraded", "a.yaml: bad"]);
  store.failed("gone");
  assert.deepEqual(await read(), [503, "failed", "a.yaml: bad"]);
  store.ok();
  api.readiness.drain();
  assert.deepEqual(await read(), [503, "draining", "a.yaml: bad"]);
});

Deno.test("serveApi() serves its metrics, with requests counted by route", async () => {
  await using api = await serve();
  await bodyOf(`${api.base}/v1/things/a/b`);
  await bodyOf(`${api.base}/v1/things/c/d`);
  await bodyOf(`${api.base}/nowhere`);
  const { body, headers } = await bodyOf(`${api.base}/metrics`);
  assert.match(headers.get("content-type") ?? "", /^text\/plain; version=0.0.4/);
  assert.match(
    body,
    /ads_http_requests_total\{method="GET",route="\/v1\/things\/\{type\}\/\{name...\}",status="200"\} 2\n/,
  );
  assert.match(body, /ads_http_requests_total\{method="other",route="none",status="404"\} 1\n/);
});

Deno.test("serveApi() describes each of its routes in a valid OpenAPI 3.1 document", async () => {
  await using api = await serve();
  const document = JSON.parse((await bodyOf(`${api.base}/openapi.json`)).body);
  assert.equal(document.openapi, "3.1.0");
  const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  assert.deepEqual(
    operations.map(({ path, method }) => `${method} ${path}`).sort(),
    [
      "get /healthz",
      "get /metrics",
      "get /openapi.json",
      "get /readyz",
      "get /v1/open",
      "get /v1/things/special/case",
      "get /v1/things/{type}/{name}",
      "post /v1/things:{verb}",
      "post /v3/discovery:clusters",
      "post /v3/discovery:routes",
      "put /v1/things/{type}/{name}",
    ],
  );
  const ids = operations.map(({ operation }) => operation.operationId);
  assert.equal(new Set(ids).size, ids.length, String(ids));
  for (const { path, operation } of operations) {
    const named = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name);
    const declared = operation.parameters.filter((p) => p.in === "path").map((p) => p.name);
    assert.deepEqual(declared, named);
    assert.ok(operation.summary && operation.responses.default);
  }
});

Deno.test("openApiDocument() says of query parameters what is checked", async () => {
  await using api = await serve();
  const document = JSON.parse((await bodyOf(`${api.base}/openapi.json`)).body);
  const { parameters } = document.paths["/v1/things/{type}/{name}"].get;
  const query = parameters.filter((one: { in: string }) => one.in === "query");
  const schemas = query.map((one: { name: string; schema: unknown }) => [one.name, one.schema]);
  assert.deepEqual(Object.fromEntries(schemas), {
    verbose: { type: "boolean" },
    limit: { type: "integer", minimum: 1, maximum: 9 },
    page: { type: "integer", default: 1 },
    soak: { type: "string", examples: ["30s"] },
    tag: { type: "array", items: { type: "string" } },
    view: { type: "string", enum: ["full", "brief"] },
  });
});

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters: readonly { readonly in: string; readonly name: string }[];
  readonly responses: Readonly<Record<string, unknown>>;
}

Deno.test("serveApi() answers HEAD without a body and with the length of GET", async () => {
  await using api = await serve();
  const found = await bodyOf(`${api.base}/healthz`, { method: "HEAD" });
  assert.deepEqual([found.status, found.headers.get("content-length"), found.body], [
    200,
    "16",
    "",
  ]);
});

Deno.test("HttpError carries its own status and headers", () => {
  const error = new HttpError(412, "no", {
    code: StatusCode.FAILED_PRECONDITION,
    headers: { a: "b" },
  });
  assert.deepEqual([error.status, error.code, error.headers], [412, 9, { a: "b" }]);
});

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { events, stream, type WatchEvent } from "./api/response.ts";
import { type AnyRoute, route } from "./api/route.ts";
import { serve } from "./testing.ts";

function watchRoute(source: () => AsyncIterable<WatchEvent>): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/watch",
    summary: "Watches.",
    responses: { 200: { doc: "Events.", types: ["application/x-ndjson", "text/event-stream"] } },
    handle: () => events(source()),
  });
}

async function* endless(onEnd: () => void): AsyncGenerator<WatchEvent> {
  const hold = setInterval(() => {}, 1_000);
  try {
    for (let id = 1;; id++) {
      yield { event: "put", id: String(id), data: { n: id } };
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } finally {
    clearInterval(hold);
    onEnd();
  }
}

Deno.test("serveApi() streams a watch as JSON lines or Server-Sent Events and ends it with its client", async (t) => {
  const table: readonly [string, string, RegExp][] = [
    ["*/*", "application/x-ndjson", /^\n\{"event":"put","id":"1","data":\{"n":1\}\}\n/],
    [
      "text/event-stream",
      "text/event-stream",
      /^: keep-alive\n\nevent: put\nid: 1\ndata: \{"n":1\}\n\n/,
    ],
  ];
  for (const [accept, type, pattern] of table) {
    await t.step(type, async () => {
      const ended = Promise.withResolvers<void>();
      await using api = await serve({ routes: [watchRoute(() => endless(ended.resolve))] });
      const response = await fetch(`${api.base}/v1/watch`, { headers: { accept } });
      assert.equal(response.headers.get("content-type"), type);
      let got = "";
      assert.ok(response.body);
      for await (const part of response.body) {
        got += new TextDecoder().decode(part);
        if (pattern.test(got)) break;
      }
      await ended.promise;
    });
  }
});

Deno.test("serveApi() ends watches cleanly when it drains", async () => {
  const ended = Promise.withResolvers<void>();
  await using api = await serve({ routes: [watchRoute(() => endless(ended.resolve))] });
  const response = await fetch(`${api.base}/v1/watch`);
  const closed = api.server.close(5_000);
  assert.match(await response.text(), /"n":1/);
  await ended.promise;
  await closed;
});

Deno.test("serveApi() streams bytes at the client's pace and lets go of the source when it goes", async () => {
  const ended = Promise.withResolvers<void>();
  let made = 0;
  async function* chunks() {
    try {
      for (;; made++) yield new Uint8Array(64 * 1024);
    } finally {
      ended.resolve();
    }
  }
  const streamed = route({
    method: "GET",
    path: "/v1/endless",
    summary: "Streams.",
    responses: { 200: { doc: "Bytes." } },
    handle: () => stream(chunks(), { type: "text/plain" }),
  });
  await using api = await serve({ routes: [streamed] });
  const response = await fetch(`${api.base}/v1/endless`);
  assert.equal(response.headers.get("content-type"), "text/plain");
  const reader = response.body?.getReader();
  assert.ok((await reader?.read())?.value);
  assert.ok(made < 10_000, "a client that does not read stops the source");
  await reader?.cancel();
  await ended.promise;
});

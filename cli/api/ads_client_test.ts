// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { CommandError } from "../command_line/exit_code.ts";
import { AdsClient, type AdsRequest } from "./ads_client.ts";

type Handler = (request: Request) => Response | Promise<Response>;

async function withFakeServer<T>(handler: Handler, work: (url: string) => Promise<T>): Promise<T> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  try {
    return await work(`http://127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}

async function callOnce(url: string, request: AdsRequest = {}): Promise<string> {
  using client = new AdsClient({ server: url, timeoutMs: 5_000 });
  return await client.text(["v1", "x"], request);
}

async function refusalOf(work: Promise<unknown>): Promise<CommandError> {
  const error = await work.then(() => assert.fail("it must be refused"), (thrown) => thrown);
  assert.ok(error instanceof CommandError, String(error));
  return error;
}

Deno.test("AdsClient encodes path and query, and shows who calls", async () => {
  const handler: Handler = async (request) => {
    const { pathname, search } = new URL(request.url);
    const { authorization, accept } = Object.fromEntries(request.headers);
    const body = await request.text();
    return Response.json([request.method, pathname, search, authorization, accept, body]);
  };
  const answer = await withFakeServer(handler, async (server) => {
    using client = new AdsClient({ server: `${server}/`, timeoutMs: 5_000, token: "t".repeat(16) });
    return await client.text(["v1", "a/b c"], {
      method: "POST",
      query: { yes: true, no: false, none: undefined, list: ["x", "y&z"], n: 3 },
      accept: "text/plain",
      body: { text: "hello", type: "text/plain" },
    });
  });
  assert.deepEqual(JSON.parse(answer), [
    "POST",
    "/v1/a%2Fb%20c",
    "?yes=true&list=x&list=y%26z&n=3",
    `Bearer ${"t".repeat(16)}`,
    "text/plain",
    "hello",
  ]);
});

Deno.test("AdsClient says what the server said, and what to do", async (t) => {
  const dangling = {
    severity: "error",
    message: 'route config "r" references cluster "c", which does not exist',
  };
  const other = { severity: "error", message: "odd", line: 3 };
  const table: readonly {
    readonly status: number;
    readonly body: unknown;
    readonly query?: AdsRequest["query"];
    readonly message: string;
    readonly advice?: RegExp;
  }[] = [
    { status: 404, body: { error: { message: "no such node" } }, message: "no such node" },
    {
      status: 401,
      body: { error: { message: "who?" } },
      message: "who?",
      advice: /--token-file/,
    },
    {
      status: 422,
      body: { error: { message: dangling.message, problems: [dangling] } },
      query: { dangling: undefined },
      message: dangling.message,
      advice: /--dangling warn/,
    },
    {
      status: 422,
      body: { error: { message: "odd and 1 more", problems: [other, other] } },
      query: { dangling: undefined },
      message: "odd and 1 more\n  error: 3: odd\n  error: 3: odd",
    },
    { status: 413, body: { error: {} }, message: "the server answered with status 413" },
  ];
  for (const { status, body, query, message, advice } of table) {
    await t.step(`${status}: ${message}`, async () => {
      const error = await withFakeServer(
        () => Response.json(body, { status }),
        (url) => refusalOf(callOnce(url, query === undefined ? {} : { query })),
      );
      assert.equal(error.exit, 1);
      assert.equal(error.message, message);
      if (advice !== undefined) assert.match(error.advice ?? "", advice);
    });
  }
});

Deno.test("AdsClient doubts that an answer without a reason comes from ads", async () => {
  const error = await withFakeServer(
    () => new Response("<html>", { status: 404 }),
    (url) => refusalOf(callOnce(url)),
  );
  assert.match(error.message, /answered with status 404 and no reason$/);
  assert.match(error.advice ?? "", /HTTP address of ads/);
});

Deno.test("AdsClient.json() refuses an answer without what was asked for", async () => {
  for (const body of ["{}", "[]", "null", "nonsense"]) {
    const error = await withFakeServer(() => new Response(body), async (server) => {
      using client = new AdsClient({ server, timeoutMs: 5_000 });
      return await refusalOf(client.json<{ nodes: unknown }>(["v1"], { key: "nodes" }));
    });
    assert.match(error.message, /as it lacks "nodes"$/);
  }
});

Deno.test("AdsClient exits with 3 when nobody answers, and says how to start the server", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${listener.addr.port}`;
  listener.close();
  const error = await refusalOf(callOnce(url));
  assert.equal(error.exit, 3);
  assert.match(error.message, /^cannot reach ads at http:\/\/127\.0\.0\.1:\d+: .*refused/i);
  assert.match(error.advice ?? "", /denvoy serve ads\n.*--server/);
});

Deno.test("AdsClient does not wait longer than it was told", async () => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  const error = await withFakeServer(() => promise, async (server) => {
    using client = new AdsClient({ server, timeoutMs: 50 });
    const refusal = await refusalOf(client.text(["v1"]));
    resolve(new Response("late"));
    return refusal;
  });
  assert.equal(error.exit, 3);
  assert.match(error.message, /it did not answer in time$/);
});

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { type CallContext, implement } from "../port.ts";
import { echoServiceName, textCodec, unaryEcho } from "../testing/echo_service.ts";
import { withServer } from "../testing/harness.ts";
import { requestHttp2 } from "../testing/http2_request.ts";
import { frameMessage } from "../testing/raw_peer.ts";
import { acceptsGzip } from "./compression.ts";
import { serveHttp2 } from "./serve.ts";

Deno.test("acceptsGzip() finds gzip among what a client takes", () => {
  const cases: [accept: string | undefined, expected: boolean][] = [
    [undefined, false],
    ["identity", false],
    ["identity, deflate,gzip", true],
    ["gzip", true],
    ["xgzip", false],
  ];
  for (const [accept, expected] of cases) assert.equal(acceptsGzip(accept), expected, `${accept}`);
});

Deno.test("serveHttp2() compresses a response for a client that takes gzip", async () => {
  const text = "squeezed ".repeat(1000);
  const methods = [
    implement(unaryEcho, (request: string, context: CallContext) => {
      context.compressResponses(true);
      return request;
    }),
  ];
  await withServer(serveHttp2, { methods }, async ({ server }) => {
    const { headers, body } = await requestHttp2(server.address, {
      path: `/${echoServiceName}/Unary`,
      headers: { "grpc-accept-encoding": "identity,gzip" },
      body: frameMessage(textCodec.encode(text) as Uint8Array),
    });
    assert.equal(headers["grpc-encoding"], "gzip");
    assert.equal(body[0], 1);
    assert.equal(gunzipSync(body.subarray(5)).toString(), text);
    assert.ok(body.byteLength < 200, `${body.byteLength} bytes`);
  });
});

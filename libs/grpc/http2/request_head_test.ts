// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { newField } from "./field.ts";
import type { HeaderPair } from "./hpack_encoder.ts";
import { readRequestHead, trailersProblem } from "./request_head.ts";

const good: readonly HeaderPair[] = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/s/m"],
  [":authority", "host"],
];

function read(pairs: readonly HeaderPair[]) {
  return readRequestHead(pairs.map(([name, value]) => newField(name, value)));
}

function without(name: string): HeaderPair[] {
  return good.filter(([own]) => own !== name);
}

Deno.test("readRequestHead() reads a good head", () => {
  const result = read([...good, ["content-length", "12"], ["x-a", "1"], ["x-a", "2"]]);
  assert.equal(result.kind, "head");
  if (result.kind !== "head") return;
  const { method, path, authority, contentLength, fields } = result.head;
  assert.deepEqual([method, path, authority, contentLength], ["POST", "/s/m", "host", 12]);
  assert.deepEqual(fields.map(({ name }) => name), ["content-length", "x-a", "x-a"]);
});

Deno.test("readRequestHead() takes", async (t) => {
  const rows: readonly (readonly [string, readonly HeaderPair[]])[] = [
    ["a request with host and without :authority", [...without(":authority"), ["host", "h"]]],
    ["te: trailers", [...good, ["te", "trailers"]]],
    ["an empty value", [...good, ["x", ""]]],
    ["octets above 127 in a value", [...good, ["x", "\u00e9\u00ff"]]],
    ["blanks within a value", [...good, ["x", "a b\tc"]]],
    ["equal content-lengths", [...good, ["content-length", "1"], ["content-length", "1"]]],
    ["OPTIONS *", [[":method", "OPTIONS"], [":scheme", "http"], [":path", "*"]]],
    ["CONNECT with :authority alone", [[":method", "CONNECT"], [":authority", "h:1"]]],
  ];
  for (const [name, pairs] of rows) {
    await t.step(name, () => assert.equal(read(pairs).kind, "head"));
  }
});

Deno.test("readRequestHead() finds malformed (RFC 9113 sections 8.2, 8.3)", async (t) => {
  const rows: readonly (readonly [string, readonly HeaderPair[]])[] = [
    ["upper-case names", [...good, ["X-a", "1"]]],
    ["an empty name", [...good, ["", "1"]]],
    ["a blank in a name", [...good, ["x a", "1"]]],
    ["a colon in a name", [...good, ["x:a", "1"]]],
    ["octets above 126 in a name", [...good, ["x\u007f", "1"]]],
    ["a line break in a value", [...good, ["x", "a\nb"]]],
    ["a carriage return in a value", [...good, ["x", "a\rb"]]],
    ["NUL in a value", [...good, ["x", "a\0b"]]],
    ["a value that starts with a blank", [...good, ["x", " a"]]],
    ["a value that ends with a tab", [...good, ["x", "a\t"]]],
    ["connection", [...good, ["connection", "close"]]],
    ["keep-alive", [...good, ["keep-alive", "1"]]],
    ["proxy-connection", [...good, ["proxy-connection", "close"]]],
    ["transfer-encoding", [...good, ["transfer-encoding", "chunked"]]],
    ["upgrade", [...good, ["upgrade", "h2c"]]],
    ["te other than trailers", [...good, ["te", "gzip"]]],
    ["an unknown pseudo-header", [...good, [":x", "1"]]],
    ["a pseudo-header of responses", [...good, [":status", "200"]]],
    [":protocol, which was not offered", [...good, [":protocol", "websocket"]]],
    ["a pseudo-header twice", [...good, [":path", "/s/m"]]],
    ["a pseudo-header after a field", [...without(":path"), ["x", "1"], [":path", "/"]]],
    ["no :method", without(":method")],
    ["no :scheme", without(":scheme")],
    ["no :path", without(":path")],
    ["an empty :path", [...without(":path"), [":path", ""]]],
    ["a :path without its slash", [...without(":path"), [":path", "s/m"]]],
    ["POST *", [...without(":path"), [":path", "*"]]],
    ["CONNECT with :path", [...without(":method"), [":method", "CONNECT"]]],
    ["CONNECT without :authority", [[":method", "CONNECT"]]],
    ["a content-length that is no number", [...good, ["content-length", "-1"]]],
    ["a content-length beyond all sense", [...good, ["content-length", "9".repeat(30)]]],
    ["two content-lengths", [...good, ["content-length", "1"], ["content-length", "2"]]],
  ];
  for (const [name, pairs] of rows) {
    await t.step(name, () => assert.equal(read(pairs).kind, "malformed"));
  }
});

Deno.test("trailersProblem() refuses pseudo-headers and invalid fields", () => {
  assert.equal(trailersProblem([newField("x", "1")]), undefined);
  assert.ok(trailersProblem([newField(":path", "/")]));
  assert.ok(trailersProblem([newField("X", "1")]));
});

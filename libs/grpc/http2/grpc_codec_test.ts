// SPDX-License-Identifier: Apache-2.0
/** What gRPC puts into HTTP/2: messages, timeouts, status messages, metadata, compression. */
import { StatusCode, StatusError } from "@denvoy/base";
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { inflate, messageEncoding } from "./compression.ts";
import { newField } from "./field.ts";
import { encodeGrpcMessage } from "./grpc_message.ts";
import { parseTimeout } from "./grpc_timeout.ts";
import { MessageBuffer } from "./message_buffer.ts";
import { toMetadata, toPair } from "./metadata_codec.ts";
import { concat, uint32 } from "./testing.ts";

function framed(message: Uint8Array, flag = 0): Uint8Array {
  return concat(Uint8Array.of(flag), uint32(message.byteLength), message);
}

function drain(buffer: MessageBuffer): string[] {
  const messages: string[] = [];
  for (let next = buffer.next(); next !== undefined; next = buffer.next()) {
    messages.push(`${next.compressed ? "z" : ""}${[...next.bytes].join(" ")}`);
  }
  return messages;
}

Deno.test("MessageBuffer gives the same messages wherever their octets are cut", () => {
  const large = Uint8Array.from({ length: 3_000 }, (_, at) => at % 256);
  const messages = [Uint8Array.of(), Uint8Array.of(1), large, Uint8Array.of(2, 3), large];
  const input = concat(...messages.map((message, at) => framed(message, at % 2)));
  const whole = messages.map((message, at) => `${at % 2 ? "z" : ""}${[...message].join(" ")}`);
  for (const step of [1, 2, 5, 7, 100, 1_023, 1_024, 2_999, input.byteLength]) {
    for (const reading of ["each time", "at the end"]) {
      const buffer = new MessageBuffer(10_000);
      const found: string[] = [];
      for (let at = 0; at < input.byteLength; at += step) {
        buffer.push(input.slice(at, at + step));
        if (reading === "each time") found.push(...drain(buffer));
      }
      found.push(...drain(buffer));
      assert.deepEqual(found, whole, `cut at ${step}, read ${reading}`);
      assert.equal(buffer.length, 0);
    }
  }
});

Deno.test("MessageBuffer keeps no large chunk for the sake of a few octets", () => {
  for (const [size, step] of [[10, 1], [2_000, 1], [2_000, 2_005], [30_000, 1_500]] as const) {
    const buffer = new MessageBuffer(100_000);
    const input = framed(new Uint8Array(size));
    for (let at = 0; at < input.byteLength; at += step) {
      // Each is a view of a large array of its own, as a peer may arrange.
      const part = input.subarray(at, at + step);
      const chunk = new Uint8Array(65_536);
      chunk.set(part);
      buffer.push(chunk.subarray(0, part.byteLength));
    }
    const message = buffer.next()?.bytes ?? new Uint8Array(0);
    assert.equal(message.byteLength, size);
    assert.ok(
      message.buffer.byteLength <= Math.max(4_096, size * 2),
      `${size} in steps of ${step}`,
    );
  }
});

Deno.test("MessageBuffer refuses a message by its length alone, and unknown flags", () => {
  const rows: readonly (readonly [Uint8Array, number])[] = [
    [Uint8Array.of(0, ...uint32(1_001)), StatusCode.RESOURCE_EXHAUSTED],
    [Uint8Array.of(0, ...uint32(2 ** 32 - 1)), StatusCode.RESOURCE_EXHAUSTED],
    [Uint8Array.of(2, ...uint32(1)), StatusCode.INTERNAL],
  ];
  for (const [prefix, code] of rows) {
    const buffer = new MessageBuffer(1_000);
    buffer.push(prefix);
    assert.throws(() => buffer.next(), { code });
  }
});

Deno.test("parseTimeout() reads digits and a unit", () => {
  const rows: readonly (readonly [string, number | undefined])[] = [
    ["1H", 3_600_000],
    ["2M", 120_000],
    ["3S", 3_000],
    ["4m", 4],
    ["5u", 0.005],
    ["6000000n", 6],
    ["0m", 0],
    ["99999999H", 99_999_999 * 3_600_000],
    ["", undefined],
    ["m", undefined],
    ["1", undefined],
    ["1s", undefined],
    ["-1m", undefined],
    ["1.5S", undefined],
    ["123456789m", undefined],
    [" 1m", undefined],
  ];
  for (const [header, ms] of rows) {
    const parsed = parseTimeout(header);
    assert.ok(parsed === ms || Math.abs((parsed ?? 0) - (ms ?? 0)) < 1e-9, `${header}: ${parsed}`);
  }
});

Deno.test("encodeGrpcMessage() leaves printable ASCII and encodes the rest", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["", ""],
    ["plain text!", "plain text!"],
    ["100%", "100%25"],
    ["a\nb\r\0", "a%0Ab%0D%00"],
    ["größe", "gr%C3%B6%C3%9Fe"],
    ["日", "%E6%97%A5"],
    [" edges ", "%20edges%20"],
    ["\ud800", "%EF%BF%BD"],
  ];
  for (const [message, encoded] of rows) assert.equal(encodeGrpcMessage(message), encoded);
  assert.ok(encodeGrpcMessage("é".repeat(100_000)).length < 5_000, "a long one is cut");
});

Deno.test("toMetadata() decodes -bin values and leaves out the transport's own fields", () => {
  const fields = [
    newField("content-type", "application/grpc"),
    newField("te", "trailers"),
    newField("grpc-timeout", "1S"),
    newField("x", "1"),
    newField("x", "2"),
    newField("a-bin", "AQI="),
    newField("a-bin", "AQI,Aw"),
    newField("b-bin", "not base64!"),
  ];
  const bytes = [Uint8Array.of(1, 2), Uint8Array.of(1, 2), Uint8Array.of(3)];
  assert.deepEqual([...toMetadata(fields)], [["x", ["1", "2"]], ["a-bin", bytes]]);
});

Deno.test("toPair() refuses what gRPC does not allow", () => {
  assert.deepEqual(toPair("X-A", "v"), ["x-a", "v"]);
  assert.deepEqual(toPair("a-bin", Uint8Array.of(255)), ["a-bin", "/w=="]);
  const bad: readonly (readonly [string, string | Uint8Array])[] = [
    ["", "v"],
    ["a b", "v"],
    [":path", "v"],
    ["grpc-status", "0"],
    ["content-type", "x"],
    ["te", "x"],
    ["a", "line\nbreak"],
    ["a", "é"],
    ["a", Uint8Array.of(1)],
    ["a-bin", "text"],
  ];
  for (const [name, value] of bad) assert.throws(() => toPair(name, value), StatusError, name);
});

Deno.test("inflate() stops at the bound, and says what is no gzip", () => {
  const bomb = gzipSync(new Uint8Array(50_000_000));
  const gzip = { encoding: "gzip", maxBytes: 1_000 } as const;
  assert.throws(() => inflate(bomb, gzip), { code: StatusCode.RESOURCE_EXHAUSTED });
  assert.throws(() => inflate(Uint8Array.of(1, 2), gzip), { code: StatusCode.INTERNAL });
  assert.throws(() => inflate(bomb, { encoding: "identity", maxBytes: 1_000 }), {
    code: StatusCode.INTERNAL,
  });
  assert.deepEqual(inflate(gzipSync(Uint8Array.of(7)), gzip), Uint8Array.of(7));
  assert.deepEqual(["gzip", "identity", "br"].map(messageEncoding), [
    "gzip",
    "identity",
    undefined,
  ]);
});

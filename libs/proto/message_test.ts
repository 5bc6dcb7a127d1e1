// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { packAny, unpackAny } from "./any.ts";
import { DecodeError, messageCodec } from "./codec.ts";
import { messageFromBinary } from "./message.ts";
import { typeUrlOf } from "./registry.ts";
import { readYaml } from "./testing.ts";

const struct = messageCodec("google.protobuf.Struct");
const any = messageCodec("google.protobuf.Any");

/** Encodes a Struct with its two entries in this order, which the codec itself would not. */
function unsorted(first: string, second: string): Uint8Array {
  return Uint8Array.from(
    [first, second].flatMap((
      key,
    ) => [...struct.encode({ fields: { [key]: { boolValue: true } } })]),
  );
}

Deno.test("toBinary() has the same bytes for the same content, whatever the order of its maps", () => {
  const url = typeUrlOf("google.protobuf.Struct");
  assert.deepEqual(messageFromBinary(url, unsorted("b", "a")).toBinary(), unsorted("a", "b"));
  const texts = [
    "{filter_metadata: {b: {d: 1, c: 2}, a: {}}}",
    "{filterMetadata: {a: {}, b: {c: 2, d: 1}}}",
  ];
  const [one, two] = texts.map((text) =>
    readYaml("envoy.config.core.v3.Metadata", text).toBinary()
  );
  assert.deepEqual(one, two);
});

Deno.test("toBinary() orders maps within an Any within an Any", () => {
  const nest = (value: Uint8Array): Uint8Array => {
    const inner = any.encode({ typeUrl: typeUrlOf("google.protobuf.Struct"), value });
    return any.encode({ typeUrl: typeUrlOf("google.protobuf.Any"), value: inner });
  };
  const url = typeUrlOf("google.protobuf.Any");
  assert.deepEqual(
    messageFromBinary(url, nest(unsorted("b", "a"))).toBinary(),
    nest(unsorted("a", "b")),
  );
});

Deno.test("toBinary() keeps unknown fields and the bytes of an Any of unknown type", () => {
  const node = Uint8Array.from([0x0a, 1, 0x61, 0xfa, 0x7f, 1, 9]);
  assert.deepEqual(
    messageFromBinary(typeUrlOf("envoy.config.core.v3.Node"), node).toBinary(),
    node,
  );
  const bytes = any.encode({ typeUrl: "a/unknown", value: Uint8Array.of(0xff) });
  assert.deepEqual(messageFromBinary(typeUrlOf("google.protobuf.Any"), bytes).toBinary(), bytes);
});

Deno.test("messageFromBinary() refuses unknown types and bytes that are not such a message", () => {
  assert.throws(() => messageFromBinary("a/unknown", new Uint8Array()), DecodeError);
  const url = typeUrlOf("google.protobuf.Struct");
  assert.throws(() => messageFromBinary(url, Uint8Array.of(0xff)), DecodeError);
  assert.throws(() => messageFromBinary(url, Uint8Array.of(0x0a, 50, 1)), DecodeError);
});

Deno.test("packAny() and unpackAny() are inverse, and unpackAny() looks at the type", () => {
  const packed = packAny("google.protobuf.Duration", { seconds: 5 });
  assert.equal(packed.typeUrl, "type.googleapis.com/google.protobuf.Duration");
  assert.deepEqual(unpackAny(packed, "google.protobuf.Duration"), { seconds: 5, nanos: 0 });
  assert.equal(unpackAny(packed, "google.protobuf.Timestamp"), undefined);
  const message = readYaml("google.protobuf.Duration", "5s");
  assert.deepEqual(packAny(message), packed);
  assert.throws(
    () => unpackAny({ ...packed, value: Uint8Array.of(0xff) }, "google.protobuf.Duration"),
    DecodeError,
  );
});

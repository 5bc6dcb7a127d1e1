// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Type as Type,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { scanForDescriptors } from "./gen_proto_envoy.ts";
import { parsePythonModule } from "./gen_proto_python.ts";
import { compileProtos } from "./gen_proto_sources.ts";

function compile(sources: Record<string, string>, known: Record<string, "message" | "enum"> = {}) {
  const files = compileProtos(new Map(Object.entries(sources)), (name) => known[name]);
  return [...files.values()].map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
}

Deno.test("parsePythonModule() reads every escape of a bytes literal", () => {
  const text = String.raw`x = pool.AddSerializedFile(b'a\x41\n\r\t\\\'\"\0\101\1772')` + "\n";
  const wanted = [97, 65, 10, 13, 9, 92, 39, 34, 0, 65, 127, 50];
  assert.deepEqual([...parsePythonModule(text, "a.py")], wanted);
  assert.throws(() => parsePythonModule("nothing", "a.py"), /a\.py/);
  assert.throws(() => parsePythonModule("AddSerializedFile(b'\\q')", "a.py"), /unknown escape \\q/);
});

Deno.test("compileProtos() makes the descriptor that protoc would make", () => {
  const [file] = compile({
    "a.proto": `syntax = "proto3";
      package a.b;
      import "c.proto";
      message M {
        message N {}
        enum E { ZERO = 0; ONE = 1; }
        repeated N list = 1;
        map<string, E> some_map = 2;
        oneof choice { c.Other other = 3; uint64 number = 4; }
      }
      service S { rpc Do(stream M) returns (stream M.N); }`,
  }, { "a.c.Other": "message" });
  assert.ok(file);
  assert.deepEqual([file.name, file.package, file.syntax, file.dependency], [
    "a.proto",
    "a.b",
    "proto3",
    ["c.proto"],
  ]);
  const [message] = file.messageType;
  assert.deepEqual(
    message?.field.map(({ name, number, type, typeName }) => [name, number, type, typeName]),
    [
      ["list", 1, Type.MESSAGE, ".a.b.M.N"],
      ["some_map", 2, Type.MESSAGE, ".a.b.M.SomeMapEntry"],
      ["other", 3, Type.MESSAGE, ".a.c.Other"],
      ["number", 4, Type.UINT64, ""],
    ],
  );
  assert.deepEqual(
    message?.nestedType.map(({ name, options }) => [name, options?.mapEntry ?? false]),
    [
      ["N", false],
      ["SomeMapEntry", true],
    ],
  );
  const [method] = file.service[0]?.method ?? [];
  assert.deepEqual([method?.inputType, method?.outputType, method?.clientStreaming], [
    ".a.b.M",
    ".a.b.M.N",
    true,
  ]);
});

Deno.test("compileProtos() refuses a type that nothing defines", () => {
  const source = 'syntax = "proto3"; package a; message M { Missing m = 1; }';
  assert.throws(() => compile({ "a.proto": source }), /nothing in a\.M is named Missing/);
});

Deno.test("scanForDescriptors() finds whole proto3 descriptors among other bytes", () => {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const [bytes] = compileProtos(
    new Map([["envoy/a.proto", 'syntax = "proto3"; package envoy; message M {}']]),
    () => undefined,
  ).values();
  assert.ok(bytes);
  const noise = ["junk envoy/a.proto", "\n\x0denvoy/b.proto\xff\xff", "\n\x05envoy/a.proto"].map(
    text,
  );
  const binary = new Uint8Array([...noise.flatMap((part) => [...part, 0]), ...bytes, 0, 1, 2]);
  assert.deepEqual([...scanForDescriptors(binary)], [["envoy/a.proto", bytes]]);
});

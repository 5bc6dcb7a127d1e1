// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { Chance } from "@denvoy/base/testing";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { DecodeError, messageCodec, type MessageName, serviceMethods } from "./codec.ts";
import { codecs } from "./gen/codecs.ts";
import { loadRegistry } from "./registry.ts";
import { RandomMessages } from "./testing.ts";

const request = messageCodec("envoy.service.discovery.v3.DiscoveryRequest");
const struct = messageCodec("google.protobuf.Struct");
const address = messageCodec("envoy.config.core.v3.Address");

function bytes(...parts: (number | string | Uint8Array)[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part): number[] =>
      typeof part === "number"
        ? [part]
        : [...typeof part === "string" ? new TextEncoder().encode(part) : part]
    ),
  );
}

Deno.test("decode() returns plain objects with zero values and without absent fields", () => {
  assert.deepEqual(request.decode(new Uint8Array()), {
    versionInfo: "",
    resourceNames: [],
    resourceLocators: [],
    typeUrl: "",
    responseNonce: "",
  });
});

Deno.test("encode() and decode() are inverse", () => {
  const message = {
    versionInfo: "1",
    node: {
      id: "n",
      cluster: "c",
      metadata: {
        fields: { a: { numberValue: 1.5 }, b: { listValue: { values: [{ boolValue: true }] } } },
      },
      dynamicParameters: { x: { params: { k: "v" } } },
      userAgentName: "envoy",
      userAgentBuildVersion: { version: { majorNumber: 1, minorNumber: 40, patch: 0 } },
      extensions: [],
      clientFeatures: ["f"],
      listeningAddresses: [],
    },
    resourceNames: ["a", "b"],
    resourceLocators: [],
    typeUrl: "t",
    responseNonce: "n",
    errorDetail: { code: 13, message: "no", details: [] },
  };
  assert.deepEqual(request.decode(request.encode(message)), message);
});

Deno.test("encode() leaves out zero values, absent fields and undefined", () => {
  assert.deepEqual(
    request.encode({ versionInfo: "", resourceNames: [], node: undefined }),
    bytes(),
  );
});

Deno.test("encode() writes maps in order of their keys", () => {
  const one = struct.encode({ fields: { a: { boolValue: true }, b: { boolValue: true } } });
  const two = struct.encode({ fields: { b: { boolValue: true }, a: { boolValue: true } } });
  assert.deepEqual(one, two);
});

Deno.test("decode() keeps a map key __proto__ as an entry", () => {
  const decoded = struct.decode(struct.encode({ fields: { ["__proto__"]: { stringValue: "x" } } }));
  assert.deepEqual(Object.keys(decoded.fields), ["__proto__"]);
  assert.equal(Object.getPrototypeOf(decoded.fields), Object.prototype);
});

Deno.test("decode() lets the last member of a oneof count and merges messages given twice", () => {
  const pipe = address.encode({ pipe: { path: "/a" } });
  const socket = address.encode({ socketAddress: { address: "1.2.3.4" } });
  const port = address.encode({ socketAddress: { portValue: 80 } });
  assert.deepEqual(address.decode(bytes(pipe, socket, port)), {
    socketAddress: {
      protocol: 0,
      address: "1.2.3.4",
      portValue: 80,
      resolverName: "",
      ipv4Compat: false,
      networkNamespaceFilepath: "",
    },
  });
  assert.deepEqual(address.decode(bytes(socket, pipe)), { pipe: { path: "/a", mode: 0 } });
});

Deno.test("decode() reads repeated scalars packed and unpacked", () => {
  const histogram = messageCodec("io.prometheus.client.Histogram");
  const unpacked = histogram.encode({ negativeDelta: [1, -1] });
  assert.deepEqual(histogram.decode(unpacked).negativeDelta, [1, -1]);
  assert.deepEqual(histogram.decode(bytes(0x52, 2, 2, 1)).negativeDelta, [1, -1]);
});

Deno.test("decode() gives 64-bit integers as numbers", () => {
  const duration = messageCodec("google.protobuf.Duration");
  const cases: [number, number][] = [[0, 0], [1, 1], [-1, -1], [2 ** 53, 2 ** 53], [
    -315576000000,
    -315576000000,
  ]];
  for (const [given, wanted] of cases) {
    assert.equal(duration.decode(duration.encode({ seconds: given })).seconds, wanted);
  }
  const wrapper = messageCodec("google.protobuf.UInt64Value");
  assert.equal(
    wrapper.decode(bytes(8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)).value,
    2 ** 64,
  );
});

Deno.test("decode() gives plain Uint8Arrays, also from a node Buffer", async () => {
  const { Buffer } = await import("node:buffer");
  const any = messageCodec("google.protobuf.Any");
  const decoded = any.decode(Buffer.from(any.encode({ typeUrl: "t", value: bytes(1, 2) })));
  assert.equal(decoded.value.constructor, Uint8Array);
  assert.deepEqual(decoded.value, bytes(1, 2));
});

Deno.test("decode() passes over unknown fields of every wire type", () => {
  const unknown = bytes(
    0xf8,
    0x7f,
    5,
    0xf9,
    0x7f,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    0xfa,
    0x7f,
    1,
    9,
    0xfd,
    0x7f,
    1,
    2,
    3,
    4,
    0xfb,
    0x7f,
    8,
    1,
    0xfc,
    0x7f,
  );
  assert.equal(request.decode(bytes(unknown, 10, 1, "v")).versionInfo, "v");
});

Deno.test("decode() refuses bytes that are not such a message, and says which", () => {
  const deep = (levels: number): Uint8Array => {
    let inner = bytes();
    for (let i = 0; i < levels; i++) {
      const list = bytes(0x0a, ...varint(inner.length), inner);
      inner = bytes(0x32, ...varint(list.length), list);
    }
    return inner;
  };
  const cases: Record<string, Uint8Array> = {
    "length beyond the end": bytes(10, 5, "a"),
    "huge length": bytes(10, 0xff, 0xff, 0xff, 0xff, 0x0f),
    "truncated varint": bytes(0x80),
    "endless varint": new Uint8Array(50).fill(0xff),
    "field number 0": bytes(0, 0),
    "end of a group that was not opened": bytes(0x0c),
    "unknown wire type": bytes(0xf, 0),
    "nested message longer than its parent": bytes(0x12, 3, 0x0a, 5, "abcdefgh"),
    "open groups": new Uint8Array(100_000).fill(0xfb),
  };
  for (const [name, input] of Object.entries(cases)) {
    assert.throws(
      () => request.decode(input),
      (error) =>
        error instanceof DecodeError &&
        /cannot decode envoy\.service\.discovery\.v3\.DiscoveryRequest: ./.test(error.message),
      name,
    );
  }
  const value = messageCodec("google.protobuf.Value");
  assert.ok(value.decode(deep(49)));
  assert.throws(() => value.decode(deep(200)), /nested deeper than 100/);
});

function varint(value: number): number[] {
  return value < 128 ? [value] : [value & 127 | 128, ...varint(value >>> 7)];
}

Deno.test("decode() never throws anything but DecodeError on damaged bytes", () => {
  const chance = new Chance(7);
  const good = request.encode({
    node: { id: "n", metadata: { fields: { a: { numberValue: 1 } } } },
    resourceNames: ["a", "bc"],
  });
  for (let round = 0; round < 3000; round++) {
    const damaged = good.slice(0, chance.below(good.length + 1));
    for (let hits = 0; hits < 3 && damaged.length > 0; hits++) {
      damaged[chance.below(damaged.length)] = chance.below(256);
    }
    try {
      request.decode(damaged);
    } catch (error) {
      assert.ok(error instanceof DecodeError);
    }
  }
});

Deno.test("codecs agree with @bufbuild/protobuf on random messages of every type", () => {
  const registry = loadRegistry();
  const random = new RandomMessages(registry, 1);
  for (const typeName of Object.keys(codecs) as MessageName[]) {
    const desc = registry.message(typeName);
    assert.ok(desc);
    for (let round = 0; round < 5; round++) {
      const wanted = random.message(desc);
      const again = messageCodec(typeName).encode(
        messageCodec(typeName).decode(toBinary(desc, wanted)) as never,
      );
      assert.deepEqual(fromBinary(desc, again), fromBinary(desc, toBinary(desc, wanted)), typeName);
    }
  }
});

Deno.test("serviceMethods() gives kind, path and codecs of each RPC", () => {
  const { StreamAggregatedResources, DeltaAggregatedResources } = serviceMethods(
    "envoy.service.discovery.v3.AggregatedDiscoveryService",
  );
  assert.equal(StreamAggregatedResources.kind, "bidi-stream");
  assert.equal(
    StreamAggregatedResources.service,
    "envoy.service.discovery.v3.AggregatedDiscoveryService",
  );
  assert.equal(
    DeltaAggregatedResources.request.typeName,
    "envoy.service.discovery.v3.DeltaDiscoveryRequest",
  );
  assert.equal(serviceMethods("grpc.health.v1.Health").Watch.kind, "server-stream");
  assert.equal(
    serviceMethods("envoy.service.metrics.v3.MetricsService").StreamMetrics.kind,
    "client-stream",
  );
});

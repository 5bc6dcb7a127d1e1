// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { toBinary } from "@bufbuild/protobuf";
import { messageCodec } from "./codec.ts";
import { AnyMessage, messageFromBinary } from "./message.ts";
import type { PlainValue } from "./plain.ts";
import { readMessage } from "./read.ts";
import { loadRegistry, typeUrlOf } from "./registry.ts";
import { onlyDocument, RandomMessages, readYaml } from "./testing.ts";
import { toJson, toYaml } from "./to_json.ts";

const CLUSTER = "envoy.config.cluster.v3.Cluster";

Deno.test("toJson() uses proto names, and @type first", () => {
  const message = readYaml(CLUSTER, "{lbPolicy: MAGLEV, name: a, connectTimeout: 1s}");
  assert.deepEqual(Object.entries(toJson(message) as object), [
    ["@type", `type.googleapis.com/${CLUSTER}`],
    ["name", "a"],
    ["connect_timeout", "1s"],
    ["lb_policy", "MAGLEV"],
  ]);
  assert.deepEqual(toJson(message, { withType: false }), {
    name: "a",
    connect_timeout: "1s",
    lb_policy: "MAGLEV",
  });
});

Deno.test("toJson() writes bytes in an Any of unknown type, and what the wire allows but JSON does not", () => {
  const any = messageCodec("google.protobuf.Any");
  const fromAny = (typeUrl: string, value: Uint8Array) =>
    toJson(messageFromBinary(typeUrlOf("google.protobuf.Any"), any.encode({ typeUrl, value })), {
      withType: false,
    });
  assert.deepEqual(fromAny("a/unknown", Uint8Array.of(1)), { "@type": "a/unknown", value: "AQ==" });
  assert.deepEqual(fromAny(`a/${CLUSTER}`, Uint8Array.of(0xff)), {
    "@type": `a/${CLUSTER}`,
    value: "/w==",
  });
  const duration = messageCodec("google.protobuf.Duration").encode({ seconds: 2 ** 50, nanos: -1 });
  assert.deepEqual(
    toJson(messageFromBinary(typeUrlOf("google.protobuf.Duration"), duration), { withType: false }),
    {
      seconds: "1125899906842624",
      nanos: -1,
    },
  );
});

Deno.test("toJson() with redact writes no secret, at any depth and within an Any", () => {
  const message = readYaml(
    CLUSTER,
    `transport_socket:
  name: tls
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
    common_tls_context:
      tls_certificates:
      - certificate_chain: { inline_string: PUBLIC }
        private_key: { inline_string: PRIVATE }
        password: { inline_string: PRIVATE }
metadata: { typed_filter_metadata: {} }
`,
  );
  const text = JSON.stringify(toJson(message, { redact: true }));
  assert.ok(text.includes("PUBLIC") && text.includes('"private_key":"[redacted]"'));
  assert.ok(!text.includes("PRIVATE"));
  assert.ok(!toYaml(message, { redact: true }).includes("PRIVATE"));
  assert.ok(JSON.stringify(toJson(message)).includes("PRIVATE"));
});

Deno.test("toYaml() quotes what a YAML reader would take for something else", () => {
  const names = ["yes", "017", "1.5", "null", "on", "0x1f", "~", "", "- a", "a: b", "1_000", "y"];
  for (const name of names) {
    const yaml = toYaml(readYaml("envoy.config.core.v3.Node", `id: ${JSON.stringify(name)}`), {
      withType: false,
    });
    if (name !== "") assert.equal((onlyDocument(yaml).value as { id: PlainValue }).id, name, yaml);
  }
});

Deno.test("JSON and bytes are two forms of the same message, for random messages of every type", () => {
  const registry = loadRegistry();
  const random = new RandomMessages(registry, 42);
  for (let round = 0; round < 1500; round++) {
    const desc = random.type();
    const binary = toBinary(desc, random.message(desc));
    const message = messageFromBinary(typeUrlOf(desc.typeName), binary);
    const value = JSON.parse(JSON.stringify(toJson(message))) as PlainValue;
    const read = readMessage({ value });
    assert.deepEqual(
      read.problems.filter(({ severity }) => severity === "error"),
      [],
      desc.typeName,
    );
    assert.deepEqual(
      read.message?.toBinary().toBase64(),
      message.toBinary().toBase64(),
      desc.typeName,
    );
    const yaml = onlyDocument(toYaml(message, { withType: false }));
    const typeUrl = message.typeUrl;
    const fromYaml = readMessage({ value: yaml.value, typeUrl });
    assert.deepEqual(
      fromYaml.problems.filter(({ severity }) => severity === "error"),
      [],
      desc.typeName,
    );
    assert.ok(fromYaml.message instanceof AnyMessage);
  }
});

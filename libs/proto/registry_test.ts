// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { loadRegistry, typeNameOf, typeUrlOf } from "./registry.ts";

const registry = loadRegistry();

Deno.test("loadRegistry() returns the same registry each time", () => {
  assert.equal(loadRegistry(), registry);
});

Deno.test("messageByUrl() looks at what follows the last slash", () => {
  const name = "envoy.config.cluster.v3.Cluster";
  assert.equal(registry.messageByUrl(typeUrlOf(name))?.typeName, name);
  assert.equal(registry.messageByUrl(`example.com/a/${name}`)?.typeName, name);
  assert.equal(registry.messageByUrl("type.googleapis.com/nothing"), undefined);
  assert.equal(typeNameOf(typeUrlOf(name)), name);
});

Deno.test("the registry has the v3 API, its extensions and what xds-protos lacks", () => {
  for (
    const name of [
      "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
      "envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
      "envoy.service.metrics.v3.StreamMetricsMessage",
      "io.prometheus.client.MetricFamily",
      "ratelimit.config.ratelimit.v3.RateLimitConfig",
      "xds.type.v3.TypedStruct",
      "opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest",
      "google.rpc.Status",
    ]
  ) assert.ok(registry.message(name), name);
  assert.equal(registry.message("envoy.api.v2.Cluster"), undefined);
  assert.ok(
    registry.message("envoy.config.core.v3.HealthCheck")?.fields.some(({ name }) =>
      name === "name"
    ),
  );
});

Deno.test("fileContainingSymbol() finds what defines a symbol of any kind", () => {
  const ads = "envoy.service.discovery.v3.AggregatedDiscoveryService";
  const cases: [string, string | undefined][] = [
    [ads, "envoy/service/discovery/v3/ads.proto"],
    [`${ads}.StreamAggregatedResources`, "envoy/service/discovery/v3/ads.proto"],
    ["envoy.config.cluster.v3.Cluster", "envoy/config/cluster/v3/cluster.proto"],
    ["envoy.config.cluster.v3.Cluster.EdsClusterConfig", "envoy/config/cluster/v3/cluster.proto"],
    ["envoy.config.cluster.v3.Cluster.name", "envoy/config/cluster/v3/cluster.proto"],
    [
      "envoy.config.cluster.v3.Cluster.cluster_discovery_type",
      "envoy/config/cluster/v3/cluster.proto",
    ],
    ["envoy.config.cluster.v3.Cluster.LbPolicy", "envoy/config/cluster/v3/cluster.proto"],
    ["validate.rules", "validate/validate.proto"],
    ["grpc.reflection.v1.ServerReflection", "grpc/reflection/v1/reflection.proto"],
    ["envoy.config.cluster.v3.Cluster.nothing", undefined],
    ["nothing", undefined],
    ["", undefined],
  ];
  for (const [symbol, file] of cases) {
    assert.equal(registry.fileContainingSymbol(symbol)?.name, file, symbol);
  }
});

Deno.test("files can be sent one by one: bytes are a descriptor, dependencies are there", () => {
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const file = registry.fileByName(name);
    assert.ok(file, name);
    const proto = fromBinary(FileDescriptorProtoSchema, file.bytes);
    assert.equal(proto.name, name);
    assert.deepEqual(proto.dependency, file.dependencies);
    file.dependencies.forEach(visit);
  };
  visit("envoy/service/discovery/v3/ads.proto");
  assert.ok(seen.has("google/protobuf/descriptor.proto"));
  assert.equal(registry.fileByName("nothing.proto"), undefined);
});

Deno.test("extensions are found by the number of the field", () => {
  const options = "google.protobuf.FieldOptions";
  assert.equal(registry.fileContainingExtension(options, 1071)?.name, "validate/validate.proto");
  assert.equal(registry.fileContainingExtension(options, 5), undefined);
  const numbers = registry.extensionNumbers(options);
  assert.ok(numbers.includes(1071));
  assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
  assert.deepEqual(registry.extensionNumbers("nothing"), []);
});

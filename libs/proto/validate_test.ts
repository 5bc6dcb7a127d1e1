// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { type DescMessage, getOption, hasOption, toBinary } from "@bufbuild/protobuf";
import { formatProblem } from "@denvoy/base";
import { messageFromBinary } from "./message.ts";
import { readMessage } from "./read.ts";
import { loadRegistry, typeUrlOf } from "./registry.ts";
import { onlyDocument, RandomMessages, readYaml } from "./testing.ts";
import { validate } from "./validate.ts";
import { ValidationPlans } from "./validate_plan.ts";

const CLUSTER = "envoy.config.cluster.v3.Cluster";
const CHECK =
  "{timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {}}";

function broken(typeName: string, text: string): string[] {
  return validate(readYaml(typeName, text)).map(formatProblem);
}

const RULES: [rule: string, type: string, text: string, wanted: string[]][] = [
  ["string min_len", CLUSTER, "{}", ['name: must be at least 1 character long: value is ""']],
  [
    "string max_bytes",
    "envoy.config.core.v3.HeaderValue",
    `{key: a, value: ${"x".repeat(16385)}}`,
    [
      `value: must be at most 16384 bytes long: value is "${"x".repeat(57)}..."`,
    ],
  ],
  [
    "string pattern",
    "envoy.config.endpoint.v3.ClusterLoadAssignment.Policy.DropOverload",
    "{category: ''}",
    [
      'category: must be at least 1 character long: value is ""',
    ],
  ],
  [
    "string prefix",
    "envoy.config.core.v3.HealthCheck.HttpHealthCheck",
    "{path: a, host: 'a\\nb'}",
    [],
  ],
  [
    "well_known_regex, loose",
    "envoy.config.core.v3.HealthCheck.HttpHealthCheck",
    '{path: "/", host: "a\\nb"}',
    [
      'host: must be an HTTP header value: value is "a\\nb"',
    ],
  ],
  ["uint32 lte", "envoy.config.core.v3.SocketAddress", "{address: a, port_value: 65536}", [
    "port_value: must be at most 65535: value is 65536",
  ]],
  [
    "uint32 range of a wrapper",
    CLUSTER,
    "{name: a, ring_hash_lb_config: {minimum_ring_size: 8388609}}",
    [
      "ring_hash_lb_config.minimum_ring_size: must be at most 8388608: value is 8388609",
    ],
  ],
  ["double range", "envoy.type.v3.Percent", "{value: 101}", [
    "value: must be at least 0 and at most 100: value is 101",
  ]],
  ["duration gt", CLUSTER, "{name: a, connect_timeout: 0s}", [
    "connect_timeout: must be greater than 0s: value is 0s",
  ]],
  ["duration gte", CLUSTER, "{name: a, dns_refresh_rate: 0.0005s}", [
    "dns_refresh_rate: must be greater than 0.001s: value is 0.0005s",
  ]],
  ["duration required", "envoy.config.core.v3.HealthCheck", CHECK.replace("interval: 1s,", ""), [
    "interval: must be set",
  ]],
  [
    "message required",
    "envoy.config.core.v3.HealthCheck",
    CHECK.replace(" healthy_threshold: 1", " healthy_threshold: ~"),
    [
      "healthy_threshold: must be set",
    ],
  ],
  ["oneof required", "envoy.config.core.v3.Address", "{}", [
    "one of socket_address, pipe, envoy_internal_address must be set",
  ]],
  ["enum defined_only", CLUSTER, "{name: a, lb_policy: 99}", [
    "lb_policy: must be a value that envoy.config.cluster.v3.Cluster.LbPolicy defines: value is 99",
  ]],
  ["repeated min_items", "envoy.config.route.v3.VirtualHost", "{name: a}", [
    "domains: must have at least 1 entry: it has 0",
  ]],
  [
    "repeated items",
    "envoy.config.route.v3.VirtualHost",
    "{name: a, domains: [b], response_headers_to_remove: ['']}",
    [
      'response_headers_to_remove[0]: must be at least 1 character long: value is ""',
    ],
  ],
  [
    "bool const",
    "envoy.config.listener.v3.ListenerFilterChainMatchPredicate",
    "{any_match: false}",
    [
      "any_match: must be true: value is false",
    ],
  ],
  ["map min_pairs, keys", "envoy.service.rate_limit_quota.v3.BucketId", "{bucket: {'': a}}", [
    'bucket[""]: must be at least 1 character long: value is ""',
  ]],
  ["map values", "envoy.service.rate_limit_quota.v3.BucketId", "{bucket: {a: ''}}", [
    'bucket.a: must be at least 1 character long: value is ""',
  ]],
  ["map min_pairs", "envoy.service.rate_limit_quota.v3.BucketId", "{}", [
    "bucket: must have at least 1 entry: it has 0",
  ]],
  [
    "within an Any",
    "envoy.config.core.v3.TransportSocket",
    `{name: a, typed_config: {"@type": x/${CLUSTER}}}`,
    [
      'typed_config.name: must be at least 1 character long: value is ""',
    ],
  ],
  [
    "at depth",
    CLUSTER,
    "{name: a, load_assignment: {cluster_name: a, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: ''}}}}]}]}}",
    [
      'load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address: must be at least 1 character long: value is ""',
      "load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address: one of port_value, named_port must be set",
    ],
  ],
  [
    "required member of a oneof that another member takes",
    "envoy.config.route.v3.RouteMatch",
    "{prefix: /}",
    [],
  ],
  ["nothing broken", CLUSTER, `{name: a, health_checks: [${CHECK}]}`, []],
];

for (const [rule, type, text, wanted] of RULES) {
  Deno.test(`validate() checks ${rule}`, () => assert.deepEqual(broken(type, text), wanted));
}

Deno.test("validate() gives file, line and column, also when the user wrote JSON names", () => {
  const source = onlyDocument("resources:\n- name: a\n  connectTimeout: 0s\n", "f.yaml");
  const path = ["resources", 0];
  const value = (source.value as { resources: [never] }).resources[0];
  const { message } = readMessage({ typeUrl: typeUrlOf(CLUSTER), value, path, source });
  assert.ok(message);
  assert.deepEqual(validate(message, { source, path }).map(formatProblem), [
    "f.yaml:3:19: resources[0].connect_timeout: must be greater than 0s: value is 0s",
  ]);
});

Deno.test("validate() leaves the value of a secret out of the problem", () => {
  const type = "envoy.extensions.filters.network.redis_proxy.v3.RedisProxy";
  for (
    const problem of broken(
      type,
      "{stat_prefix: a, settings: {op_timeout: 1s}, downstream_auth_password: {inline_string: PRIVATE}}",
    )
  ) {
    assert.ok(!problem.includes("PRIVATE"), problem);
  }
});

Deno.test("every rule in the descriptors compiles, patterns included", () => {
  const registry = loadRegistry();
  const plans = new ValidationPlans(registry);
  const rules = registry.files.getExtension("validate.rules");
  assert.ok(rules);
  let patterns = 0;
  for (const name of registry.messageNames()) {
    const desc = registry.message(name) as DescMessage;
    assert.ok(plans.of(desc));
    for (const field of desc.fields.filter((field) => hasOption(field, rules))) {
      if (JSON.stringify(getOption(field, rules), bigints).includes('"pattern":"^')) patterns++;
    }
  }
  assert.ok(patterns >= 10);
});

function bigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

Deno.test("validate() ends on random messages of every type and only says what is in the message", () => {
  const registry = loadRegistry();
  const random = new RandomMessages(registry, 3);
  for (let round = 0; round < 500; round++) {
    const desc = random.type();
    const message = messageFromBinary(
      typeUrlOf(desc.typeName),
      toBinary(desc, random.message(desc)),
    );
    for (const problem of validate(message)) assert.ok(problem.message.length < 2000);
  }
});

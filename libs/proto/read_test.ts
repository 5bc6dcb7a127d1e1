// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import type { PlainValue } from "./plain.ts";
import { listAt, readMessage } from "./read.ts";
import { onlyDocument, readYaml } from "./testing.ts";
import { toJson } from "./to_json.ts";

const CLUSTER = "envoy.config.cluster.v3.Cluster";
const integer = "must be an integer from 0 to 4294967295";
const at = "f.yaml:1:";

function read(typeName: string, text: string): unknown {
  return toJson(readYaml(typeName, text), { withType: false });
}

function problemsOf(typeName: string | undefined, text: string): string[] {
  const source = onlyDocument(text, "f.yaml");
  const type = typeName === undefined ? {} : { typeUrl: `x/${typeName}` };
  const { message, problems } = readMessage({ ...type, value: source.value, source });
  const errors = problems.filter(({ severity }) => severity === "error");
  assert.equal(message === undefined, errors.length > 0);
  return problems.map((problem) =>
    `${problem.severity === "warning" ? "warning: " : ""}${formatProblem(problem)}`
  );
}

const ACCEPTED: [type: string, text: string, wanted: unknown][] = [
  [CLUSTER, "connect_timeout: 0.25s", { connect_timeout: "0.250s" }],
  [CLUSTER, "connectTimeout: 5s", { connect_timeout: "5s" }],
  [CLUSTER, "connect_timeout: -1s", { connect_timeout: "-1s" }],
  [CLUSTER, "connect_timeout: 1.000000001s", { connect_timeout: "1.000000001s" }],
  [CLUSTER, "connect_timeout: {seconds: 300}", { connect_timeout: "300s" }],
  [CLUSTER, "connect_timeout: {seconds: '1', nanos: 5}", { connect_timeout: "1.000000005s" }],
  [CLUSTER, "connect_timeout: {}", { connect_timeout: "0s" }],
  [CLUSTER, "connect_timeout: ~", {}],
  [CLUSTER, "connect_timeout:", {}],
  [CLUSTER, "eds_cluster_config:", {}],
  [CLUSTER, "eds_cluster_config: {}", { eds_cluster_config: {} }],
  ...["5", "'5'", "5.0", "'5.0'", "0.5e1", "0x5", "'0x5'", "05", "{value: 5}"].map((
    text,
  ): [string, string, unknown] => [
    CLUSTER,
    `per_connection_buffer_limit_bytes: ${text}`,
    { per_connection_buffer_limit_bytes: 5 },
  ]),
  [CLUSTER, "per_connection_buffer_limit_bytes: 4294967295", {
    per_connection_buffer_limit_bytes: 4294967295,
  }],
  [CLUSTER, "per_connection_buffer_limit_bytes: {}", { per_connection_buffer_limit_bytes: 0 }],
  ...["true", "yes", "On", "y", "'true'", "'1'"].map((text): [string, string, unknown] => [
    CLUSTER,
    `ignore_health_on_host_removal: ${text}`,
    { ignore_health_on_host_removal: true },
  ]),
  ...["LEAST_REQUEST", "least_request", "1", "'1'"].map((
    text,
  ): [string, string, unknown] => [
    CLUSTER,
    `lb_policy: ${text}`,
    { lb_policy: "LEAST_REQUEST" },
  ]),
  [CLUSTER, "lb_policy: 99", { lb_policy: 99 }],
  [CLUSTER, "type: EDS", { type: "EDS" }],
  [CLUSTER, "alt_stat_name: 1.5", { alt_stat_name: "1.5" }],
  [CLUSTER, "common_lb_config: {healthy_panic_threshold: {value: '1e1'}}", {
    common_lb_config: { healthy_panic_threshold: { value: 10 } },
  }],
  [CLUSTER, "common_lb_config: {healthy_panic_threshold: {value: NaN}}", {
    common_lb_config: { healthy_panic_threshold: { value: "NaN" } },
  }],
  [CLUSTER, "lb_subset_config: {subset_selectors: [{keys: a}]}", {
    lb_subset_config: { subset_selectors: [{ keys: ["a"] }] },
  }],
  [CLUSTER, "metadata: {filter_metadata: {x: {a: 1, b: [yes, ~, 1.5, {}]}}}", {
    metadata: { filter_metadata: { x: { a: 1, b: [true, null, "1.5", {}] } } },
  }],
  [CLUSTER, "metadata: {filter_metadata: {x: ~}}", { metadata: { filter_metadata: { x: {} } } }],
  [CLUSTER, "metadata: {typed_filter_metadata: {x: {}}}", {
    metadata: { typed_filter_metadata: { x: {} } },
  }],
  ["envoy.config.core.v3.SocketOption", "buf_value: YWJj", { buf_value: "YWJj" }],
  ["envoy.config.core.v3.SocketOption", "buf_value: _-8", { buf_value: "/+8=" }],
  ["envoy.admin.v3.UpdateFailureState", "last_update_attempt: '2020-01-01T00:00:00+02:00'", {
    last_update_attempt: "2019-12-31T22:00:00Z",
  }],
  ["google.protobuf.FieldMask", "'a,b.cD'", "a,b.cD"],
  ["google.protobuf.Value", "[1, a, ~]", [1, "a", null]],
  ["google.protobuf.ListValue", "[1, a, ~]", [1, "a", null]],
  ["google.protobuf.Int64Value", "9007199254740993", "9007199254740993"],
  ["google.protobuf.UInt64Value", "18446744073709551615", "18446744073709551615"],
  ["google.protobuf.Empty", "{}", {}],
];

// Each row was also given to a real Envoy 1.40, which accepts it.
Deno.test("readMessage() accepts every way to write a field", () => {
  for (const [type, text, wanted] of ACCEPTED) assert.deepEqual(read(type, text), wanted, text);
});

Deno.test("readMessage() reads what an Any holds, at any depth", () => {
  const any = (text: string): unknown => read("google.protobuf.Any", text);
  const node = "type.googleapis.com/envoy.config.core.v3.Node";
  const empty = { "@type": "type.googleapis.com/google.protobuf.Empty" };
  assert.deepEqual(any(`{"@type": ${node}, id: a}`), { "@type": node, id: "a" });
  assert.deepEqual(any(`{id: a, "@type": example.com/envoy.config.core.v3.Node}`), {
    "@type": "example.com/envoy.config.core.v3.Node",
    id: "a",
  });
  for (
    const [name, value] of [["Duration", "1s"], ["UInt32Value", 5], ["Struct", { a: 1 }], [
      "Any",
      empty,
    ]]
  ) {
    const typed = { "@type": `type.googleapis.com/google.protobuf.${name}`, value };
    assert.deepEqual(any(JSON.stringify(typed)), typed);
  }
  const typedStruct = {
    "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
    type_url: "a/b",
    value: { a: [1] },
  };
  assert.deepEqual(any(JSON.stringify(typedStruct)), typedStruct);
});

const REFUSED: [text: string, wanted: string][] = [
  ["nme: a", `${at}1: nme: ${CLUSTER} has no field "nme" (did you mean "name"?)`],
  [
    "ConnectTimeout: 1s",
    `${at}1: ConnectTimeout: ${CLUSTER} has no field "ConnectTimeout" (did you mean "connect_timeout"?)`,
  ],
  [
    "conect_tiemout: 1s",
    `${at}1: conect_tiemout: ${CLUSTER} has no field "conect_tiemout" (did you mean "connect_timeout"?)`,
  ],
  ["quite_another: 1s", `${at}1: quite_another: ${CLUSTER} has no field "quite_another"`],
  ["'@type': a", `${at}1: ["@type"]: @type is only allowed in an Any`],
  [
    "'[validate.rules]': 1",
    `${at}1: ["[validate.rules]"]: ${CLUSTER} has no field "[validate.rules]"`,
  ],
  [
    "connect_timeout: 5",
    `${at}18: connect_timeout: must be a duration in seconds such as "1.5s": value is number 5`,
  ],
  [
    "connect_timeout: 1ms",
    `${at}18: connect_timeout: must be a duration in seconds such as "1.5s": value is string "1ms"`,
  ],
  [
    "connect_timeout: .5s",
    `${at}18: connect_timeout: must be a duration in seconds such as "1.5s": value is string ".5s"`,
  ],
  [
    "connect_timeout: 315576000001s",
    `${at}18: connect_timeout: must be a duration in seconds such as "1.5s": value is string "315576000001s"`,
  ],
  [
    "connect_timeout: {second: 1}",
    `${at}19: connect_timeout.second: google.protobuf.Duration has no field "second" (did you mean "seconds"?)`,
  ],
  [
    "per_connection_buffer_limit_bytes: -1",
    `${at}36: per_connection_buffer_limit_bytes: ${integer}: value is number -1`,
  ],
  [
    "per_connection_buffer_limit_bytes: 4294967296",
    `${at}36: per_connection_buffer_limit_bytes: ${integer}: value is string "4294967296"`,
  ],
  [
    "per_connection_buffer_limit_bytes: 5.5",
    `${at}36: per_connection_buffer_limit_bytes: must be an integer: value is string "5.5"`,
  ],
  [
    "per_connection_buffer_limit_bytes: yes",
    `${at}36: per_connection_buffer_limit_bytes: must be an integer: value is boolean true`,
  ],
  [
    "ignore_health_on_host_removal: 1",
    `${at}32: ignore_health_on_host_removal: must be true or false: value is number 1`,
  ],
  [
    "lb_policy: LEST_REQUEST",
    `${at}12: lb_policy: must be a value of ${CLUSTER}.LbPolicy: value is string "LEST_REQUEST" (did you mean "LEAST_REQUEST"?)`,
  ],
  [
    "lb_policy: ''",
    `${at}12: lb_policy: must be a value of ${CLUSTER}.LbPolicy: value is string ""`,
  ],
  [
    "name: 5",
    `${at}7: name: must be a string (in quotes if it looks like something else): value is number 5`,
  ],
  [
    "name: yes",
    `${at}7: name: must be a string (in quotes if it looks like something else): value is boolean true`,
  ],
  [
    "name: [a]",
    `${at}7: name: must be a string (in quotes if it looks like something else): value is a list`,
  ],
  ["eds_cluster_config: a", `${at}21: eds_cluster_config: must be a map: value is string "a"`],
  ["eds_cluster_config: []", `${at}21: eds_cluster_config: must be a map: value is a list`],
  ["health_checks: [~]", `${at}17: health_checks[0]: must be a map: value is null`],
  [
    "metadata: {filter_metadata: {x: []}}",
    `${at}33: metadata.filter_metadata.x: must be a map: value is a list`,
  ],
  [
    "metadata: {filter_metadata: []}",
    `${at}29: metadata.filter_metadata: must be a map: value is a list`,
  ],
  [
    "{type: EDS, cluster_type: {name: a}}",
    `${at}13: cluster_type: only one of type and cluster_type can be set`,
  ],
  // Envoy takes the last one.
  [
    "{connect_timeout: 1s, connectTimeout: 2s}",
    `${at}23: connectTimeout: field connect_timeout is given twice, as "connectTimeout", too`,
  ],
  [
    "metadata: {typed_filter_metadata: {x: {a: 1}}}",
    `${at}39: metadata.typed_filter_metadata.x: needs "@type" to say which message it is`,
  ],
  [
    "metadata: {typed_filter_metadata: {x: {'@type': 5}}}",
    `${at}49: metadata.typed_filter_metadata.x["@type"]: must be a type URL: value is number 5`,
  ],
  [
    "metadata: {typed_filter_metadata: {x: {'@type': envoy.config.core.v3.Node}}}",
    `${at}49: metadata.typed_filter_metadata.x["@type"]: type "envoy.config.core.v3.Node" is unknown (did you mean "type.googleapis.com/envoy.config.core.v3.Node"?)`,
  ],
  [
    "metadata: {typed_filter_metadata: {x: {'@type': a/envoy.config.core.v3.Nodes}}}",
    `${at}49: metadata.typed_filter_metadata.x["@type"]: type "a/envoy.config.core.v3.Nodes" is unknown (did you mean "type.googleapis.com/envoy.config.core.v3.Node"?)`,
  ],
  [
    "metadata: {typed_filter_metadata: {x: {'@type': a/google.protobuf.Duration, seconds: 1}}}",
    `${at}77: metadata.typed_filter_metadata.x.seconds: google.protobuf.Duration in an Any has no field "seconds" (it stands under "value")`,
  ],
];

// Where Envoy itself is laxer, the row says so.
Deno.test("readMessage() says what is wrong, where, and what was probably meant", () => {
  for (const [text, wanted] of REFUSED) assert.deepEqual(problemsOf(CLUSTER, text), [wanted], text);
});

Deno.test("readMessage() reports every problem of a message, in order, with the names as written", () => {
  const text = `name: 1
loadAssignment:
  endpoints:
  - lbEndpoints:
    - endpoint: {adress: {}}
      health_status: WELL
  - 5
metadata: {filter_metadata: {"a.b": 1}}
`;
  assert.deepEqual(problemsOf(CLUSTER, text), [
    "f.yaml:1:7: name: must be a string (in quotes if it looks like something else): value is number 1",
    'f.yaml:5:18: loadAssignment.endpoints[0].lbEndpoints[0].endpoint.adress: envoy.config.endpoint.v3.Endpoint has no field "adress" (did you mean "address"?)',
    'f.yaml:6:22: loadAssignment.endpoints[0].lbEndpoints[0].health_status: must be a value of envoy.config.core.v3.HealthStatus: value is string "WELL"',
    "f.yaml:7:5: loadAssignment.endpoints[1]: must be a map: value is number 5",
    'f.yaml:8:37: metadata.filter_metadata["a.b"]: must be a map: value is number 1',
  ]);
});

Deno.test("readMessage() warns of deprecated fields and values, and still reads them", () => {
  assert.deepEqual(problemsOf(CLUSTER, "{dns_refresh_rate: 5s}"), [
    "warning: f.yaml:1:2: dns_refresh_rate: field dns_refresh_rate is deprecated",
  ]);
});

Deno.test("readMessage() never shows a value within a field that holds secrets", () => {
  const type = "envoy.extensions.transport_sockets.tls.v3.TlsCertificate";
  const [problem, ...rest] = problemsOf(type, "private_key: {inline_bytes: 'PRIVATE!'}");
  assert.deepEqual(rest, []);
  assert.equal(problem, "f.yaml:1:29: private_key.inline_bytes: must be bytes in base64");
});

Deno.test("readMessage() takes the type from @type, from the caller, or refuses", () => {
  const cluster = { "@type": `type.googleapis.com/${CLUSTER}`, name: "a" };
  assert.equal(readMessage({ value: cluster }).message?.typeName, CLUSTER);
  assert.equal(readMessage({ value: cluster, typeUrl: `x/${CLUSTER}` }).message?.typeName, CLUSTER);
  assert.equal(
    readMessage({ value: { name: "a" }, typeUrl: `x/${CLUSTER}` }).message?.typeName,
    CLUSTER,
  );
  assert.deepEqual(problemsOf(undefined, "name: a"), [
    'f.yaml:1:1: needs "@type" to say which message it is',
  ]);
  assert.deepEqual(problemsOf(undefined, "[]"), [
    'f.yaml:1:1: must be a map with "@type": value is a list',
  ]);
  assert.deepEqual(problemsOf("nothing", "{}"), ['f.yaml:1:1: type "x/nothing" is unknown']);
});

Deno.test("readMessage() refuses what is nested too deep for the wire", () => {
  const list = (levels: number): PlainValue => levels === 0 ? "x" : [list(levels - 1)];
  const metadata = (levels: number): PlainValue => ({
    metadata: { filter_metadata: { x: { a: list(levels) } } },
  });
  const typeUrl = `x/${CLUSTER}`;
  assert.deepEqual(readMessage({ value: metadata(40), typeUrl }).problems, []);
  assert.match(
    readMessage({ value: metadata(60), typeUrl }).problems[0]?.message ?? "",
    /nested deeper than 100/,
  );
  const matcher = (levels: number): PlainValue =>
    levels === 0
      ? { any_match: true }
      : { or_match: { rules: [matcher(levels - 1), { any_match: true }] } };
  const type = "x/envoy.config.tap.v3.MatchPredicate";
  assert.deepEqual(readMessage({ value: matcher(40), typeUrl: type }).problems, []);
  assert.match(
    readMessage({ value: matcher(60), typeUrl: type }).problems[0]?.message ?? "",
    /nested deeper than 100/,
  );
});

Deno.test("listAt() gives the items of a list with their paths", () => {
  assert.deepEqual(listAt({ resources: ["a", "b"] }, "resources"), [
    { value: "a", path: ["resources", 0] },
    { value: "b", path: ["resources", 1] },
  ]);
  for (const value of [null, [], { resources: {} }, "a"]) {
    assert.equal(listAt(value, "resources"), undefined);
  }
});

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { readYaml } from "./testing.ts";
import { MessageView, viewOf, walk } from "./view.ts";

const listener = readYaml(
  "envoy.config.listener.v3.Listener",
  `name: web
address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
per_connection_buffer_limit_bytes: 5
metadata: { filter_metadata: { a.b: { x: [1] } } }
filter_chains:
- filters:
  - name: hcm
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
      stat_prefix: s
      rds: { route_config_name: routes, config_source: { ads: {} } }
      http_filters:
      - name: router
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
`,
);

Deno.test("walk() visits every message, parents first, also within an Any, with its path", () => {
  const seen: string[] = [];
  walk(listener, (view) => {
    seen.push(`${view.typeName.split(".").at(-1)} ${view.path}`);
  });
  const hcm = "filter_chains[0].filters[0].typed_config";
  assert.deepEqual(seen, [
    "Listener ",
    "Address address",
    "SocketAddress address.socket_address",
    "FilterChain filter_chains[0]",
    "Filter filter_chains[0].filters[0]",
    `HttpConnectionManager ${hcm}`,
    `Rds ${hcm}.rds`,
    `ConfigSource ${hcm}.rds.config_source`,
    `AggregatedConfigSource ${hcm}.rds.config_source.ads`,
    `HttpFilter ${hcm}.http_filters[0]`,
    `Router ${hcm}.http_filters[0].typed_config`,
    "Metadata metadata",
  ]);
});

Deno.test("walk() leaves out what is below a message for which the visitor returns skip", () => {
  const seen: string[] = [];
  walk(listener, (view) => {
    seen.push(view.path);
    return view.path === "filter_chains[0]" || view.path === "address" ? "skip" : undefined;
  });
  assert.deepEqual(seen, ["", "address", "filter_chains[0]", "metadata"]);
});

Deno.test("MessageView gives fields by proto name: text, messages, wrappers bare, Structs as JSON", () => {
  const view = viewOf(listener);
  assert.equal(view.text("name"), "web");
  assert.equal(view.get("per_connection_buffer_limit_bytes"), 5);
  assert.equal(view.message("address")?.message("socket_address")?.get("port_value"), 0);
  assert.equal(view.messages("filter_chains").length, 1);
  const metadata = view.message("metadata")?.get("filter_metadata");
  assert.ok(metadata instanceof Map);
  assert.deepEqual(metadata.get("a.b"), { x: [1] });
  assert.equal(view.message("default_filter_chain"), undefined);
  assert.deepEqual(view.messages("listener_filters"), []);
  assert.equal(view.text("address"), "");
});

Deno.test("MessageView has() tells what is set from what is zero, empty or absent", () => {
  const view = viewOf(listener);
  const socket = view.message("address")?.message("socket_address");
  const cases: [MessageView | undefined, string, boolean][] = [
    [view, "name", true],
    [view, "stat_prefix", false],
    [view, "filter_chains", true],
    [view, "listener_filters", false],
    [view, "address", true],
    [view, "use_original_dst", false],
    [view, "bind_to_port", false],
    [socket, "port_value", true],
    [socket, "ipv4_compat", false],
  ];
  for (const [of, field, wanted] of cases) assert.equal(of?.has(field), wanted, field);
});

Deno.test("MessageView throws for a field that the message does not have", () => {
  assert.throws(
    () => viewOf(listener).get("nme"),
    /envoy\.config\.listener\.v3\.Listener as it has no field nme/,
  );
});

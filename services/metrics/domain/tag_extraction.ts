// SPDX-License-Identifier: Apache-2.0
/**
 * Finds the tags in a full stat name (`cluster.be.upstream_rq_2xx`), as Envoy does for its own
 * `/stats/prometheus`: the default tags of Envoy 1.40 (config.metrics.v3.StatsConfig.use_all_default_tags). An Envoy that
 * has `emit_tags_as_labels` on does this itself; names of one that has not come here.
 * @module
 */
import type { Label } from "./label.ts";

/** A stat name without its tags. */
export interface TaggedName {
  /** The name with the values of tags taken out, e.g. `cluster.upstream_rq_xx`. */
  readonly name: string;
  /** The tags, by names such as `envoy.cluster_name`. */
  readonly labels: readonly Label[];
}

interface Extractor {
  readonly tag: string;
  /** Group 1 is what is taken out, group 2 the value. */
  readonly pattern: RegExp;
  /** Value that is no tag after all. */
  readonly except?: string;
}

const segment = String.raw`[^.]+`;
const address = String.raw`(?:\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[[a-fA-F_\d]+\])_\d+`;
const socket = String.raw`^(?:listener|cluster)\..*?\.ssl`;

/** By the first segment of the names that they can be in; the empty one is for all. */
const extractors: ReadonlyMap<string, readonly Extractor[]> = group([
  ["", "response_code", String.raw`_rq(_(\d{3}))$`],
  ["", "response_code_class", String.raw`_rq_((\d))xx$`],
  [
    "http",
    "dynamo_partition_id",
    String
      .raw`^http\.${segment}\.dynamodb\.table\.${segment}\.capacity\.${segment}(\.__partition_id=(\w{7}))$`,
  ],
  [
    "http",
    "dynamo_operation",
    String
      .raw`^http\.${segment}\.dynamodb\.(?:operation|table\.${segment}\.capacity)(\.(${segment}))(?:\.|$)`,
  ],
  ["mongo", "mongo_callsite", "mongo.*.collection.*.callsite.$.query.**"],
  [
    "http",
    "dynamo_table",
    String.raw`^http\.${segment}\.dynamodb\.(?:table|error)\.((${segment})\.)`,
  ],
  ["mongo", "mongo_collection", "mongo.*.collection.$.**.query.*"],
  ["mongo", "mongo_cmd", "mongo.*.cmd.$.**"],
  ["cluster", "grpc_bridge_method", "cluster.*.grpc.*.$.**"],
  ["http", "http_user_agent", "http.*.user_agent.$.**"],
  ["vhost", "virtual_cluster", "vhost.*.vcluster.$.**"],
  ["http", "fault_downstream_cluster", "http.*.fault.$.**"],
  ["listener", "ssl_cipher", String.raw`^listener\..*?\.ssl\.ciphers(\.([\w-]+))$`],
  ["listener", "ssl_curve", String.raw`${socket}\.curves(\.([\w-]+))$`],
  ["cluster", "ssl_curve", String.raw`${socket}\.curves(\.([\w-]+))$`],
  ["listener", "ssl_sigalg", String.raw`${socket}\.sigalgs(\.([\w-]+))$`],
  ["cluster", "ssl_sigalg", String.raw`${socket}\.sigalgs(\.([\w-]+))$`],
  ["listener", "ssl_version", String.raw`${socket}\.versions(\.(TLSv\d\.\d))$`],
  ["cluster", "ssl_version", String.raw`${socket}\.versions(\.(TLSv\d\.\d))$`],
  ["cluster", "ssl_cipher_suite", String.raw`^cluster\.${segment}\.ssl\.ciphers(\.([\w-]+))$`],
  ["cluster", "grpc_bridge_service", "cluster.*.grpc.$.**"],
  ["tcp", "tcp_prefix", "tcp.$.**"],
  ["udp", "udp_prefix", "udp.$.**"],
  ["auth", "clientssl_prefix", "auth.clientssl.$.**"],
  ["ratelimit", "ratelimit_prefix", "ratelimit.$.**"],
  ["cluster", "cluster_name", "cluster.$.**"],
  ["listener", "http_conn_manager_prefix", String.raw`^listener\..*?\.http\.((${segment})\.)`],
  ["cluster", "ext_authz_prefix", "cluster.*.ext_authz.$.**"],
  ["http", "ext_authz_prefix", "http.*.ext_authz.$.**"],
  ["http", "http_conn_manager_prefix", "http.$.**"],
  [
    "listener",
    "worker_id",
    String.raw`^listener\.(?:${address}|${segment})\.worker_((\d+)\.)`,
  ],
  ["server", "worker_id", String.raw`^server\.worker_((\d+)\.)`],
  ["listener_manager", "worker_id", String.raw`^listener_manager\.worker_((\d+)\.)`],
  ["listener", "listener_address", String.raw`^listener\.((${address}|${segment})\.)`, "admin"],
  [
    "thread_local_cluster_manager",
    "worker_id",
    String.raw`^thread_local_cluster_manager\.worker_((\d+)\.)`,
  ],
  [
    "cluster",
    "health_check_name",
    String.raw`^cluster\.${segment}\.health_check(\.name\.(${segment}))\..+`,
  ],
  ["listener", "tls_certificate", String.raw`${socket}\.certificate\.((${segment})\.).*$`],
  ["cluster", "tls_certificate", String.raw`${socket}\.certificate\.((${segment})\.).*$`],
  ["http", "scoped_rds_config", String.raw`^http\.${segment}\.scoped_rds\.(([\w.-]+)\.)\w+?$`],
  ["sds", "xds_resource_name", String.raw`^sds\.((${segment})\.).+`],
  [
    "http",
    "rbac_policy_name",
    String
      .raw`^http\.${segment}\.rbac\.(?:${segment}\.)?policy\.((${segment})\.)(?:allowed|shadow_allowed|denied|shadow_denied)$`,
  ],
  ["http", "rbac_http_prefix", String.raw`^http\.${segment}\.rbac\.((${segment})\.)`, "policy"],
  ["", "rbac_prefix", String.raw`^((${segment})\.)rbac(?:\.|$)`],
  [
    "proxy_proto",
    "proxy_protocol_version",
    String.raw`^proxy_proto\.((?:${segment}\.)?versions\.v(\d)\.)\w+$`,
  ],
  [
    "proxy_proto",
    "proxy_protocol_prefix",
    String.raw`^proxy_proto\.((${segment})\.).+$`,
    "versions",
  ],
  ["grpc", "google_grpc_client_prefix", "grpc.$.**"],
  ["vhost", "virtual_host", "vhost.$.**"],
  ["mongo", "mongo_prefix", "mongo.$.**"],
  ["http", "rds_route_config", String.raw`^http\.${segment}\.rds\.(([\w.-]+)\.)\w+?$`],
  ["vhost", "route", "vhost.*.route.$.**"],
  ["thrift", "thrift_prefix", "thrift.$.**"],
  ["redis", "redis_prefix", "redis.$.**"],
  ["", "local_http_ratelimit_prefix", String.raw`^((${segment})\.)http_local_rate_limit(?:\.|$)`],
  ["local_rate_limit", "local_network_ratelimit_prefix", "local_rate_limit.$.**"],
  [
    "listener_local_ratelimit",
    "local_listener_ratelimit_prefix",
    "listener_local_ratelimit.$.**",
  ],
  ["dns_filter", "dns_filter_prefix", "dns_filter.$.**"],
  ["connection_limit", "connection_limit_prefix", "connection_limit.$.**"],
]);

/** Returns a stat name without its tags, and the tags. A name without any is returned as it is. */
export function extractTags(name: string): TaggedName {
  const dot = name.indexOf(".");
  const first = dot < 0 ? name : name.slice(0, dot);
  const labels: Label[] = [];
  const cuts: (readonly [number, number])[] = [];
  for (const { tag, pattern, except } of candidates(first)) {
    const match = pattern.exec(name);
    const range = match?.indices?.[1];
    const value = match?.[2];
    if (range === undefined || value === undefined || value === except) continue;
    labels.push({ name: tag, value });
    cuts.push(range);
  }
  return labels.length === 0 ? { name, labels } : { name: without(name, cuts), labels };
}

function candidates(first: string): readonly Extractor[] {
  return extractors.get(first) ?? extractors.get("") ?? [];
}

/** Tags may overlap: each character goes once. */
function without(name: string, cuts: readonly (readonly [number, number])[]): string {
  let left = "";
  let from = 0;
  for (const [start, end] of cuts.toSorted((a, b) => a[0] - b[0])) {
    if (start > from) left += name.slice(from, start);
    from = Math.max(from, end);
  }
  return left + name.slice(from);
}

type Row = readonly [first: string, tag: string, pattern: string, except?: string];

function group(rows: readonly Row[]): ReadonlyMap<string, readonly Extractor[]> {
  const firsts = new Set(rows.map(([first]) => first));
  return new Map([...firsts].map((wanted) => [
    wanted,
    rows.filter(([first]) => first === "" || first === wanted).map(createExtractor),
  ]));
}

function createExtractor([, tag, pattern, except]: Row): Extractor {
  const source = pattern.includes("$.") && !pattern.startsWith("^")
    ? tokenPattern(pattern)
    : pattern;
  return {
    tag: `envoy.${tag}`,
    pattern: new RegExp(source, "d"),
    ...(except !== undefined && { except }),
  };
}

/**
 * Turns `cluster.$.**` into a regular expression: `$` is the value (it goes with its dot), `*` one
 * segment, `**` any number of them.
 */
function tokenPattern(tokens: string): string {
  const parts = tokens.split(".").map((token, index, all) => {
    const dot = index === all.length - 1 ? "" : String.raw`\.`;
    if (token === "$") return String.raw`((${segment})${dot})`;
    if (token === "*") return segment + dot;
    if (token === "**") return dot === "" ? ".*" : String.raw`(?:${segment}\.)*?`;
    return token + dot;
  });
  return `^${parts.join("")}$`;
}

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { extractTags } from "./tag_extraction.ts";

const cases: Readonly<
  Record<string, readonly [name: string, labels: Readonly<Record<string, string>>]>
> = {
  "server.uptime": ["server.uptime", {}],
  "cluster_manager.cluster_added": ["cluster_manager.cluster_added", {}],
  "cluster.be.upstream_rq_total": ["cluster.upstream_rq_total", { cluster_name: "be" }],
  "cluster.be.x.upstream_rq_200": ["cluster.x.upstream_rq", {
    response_code: "200",
    cluster_name: "be",
  }],
  "cluster.be.external.upstream_rq_2xx": ["cluster.external.upstream_rq_xx", {
    response_code_class: "2",
    cluster_name: "be",
  }],
  "cluster.be.grpc.pkg_Svc.Get.success": ["cluster.grpc.success", {
    grpc_bridge_method: "Get",
    grpc_bridge_service: "pkg_Svc",
    cluster_name: "be",
  }],
  "cluster.be.ssl.ciphers.ECDHE-RSA-AES128-GCM-SHA256": ["cluster.ssl.ciphers", {
    ssl_cipher_suite: "ECDHE-RSA-AES128-GCM-SHA256",
    cluster_name: "be",
  }],
  "cluster.be.ssl.versions.TLSv1.3": ["cluster.ssl.versions", {
    ssl_version: "TLSv1.3",
    cluster_name: "be",
  }],
  "http.in.downstream_rq_5xx": ["http.downstream_rq_xx", {
    response_code_class: "5",
    http_conn_manager_prefix: "in",
  }],
  "http.in.rds.local.route.update_success": ["http.rds.update_success", {
    http_conn_manager_prefix: "in",
    rds_route_config: "local.route",
  }],
  "http.in.user_agent.ios.downstream_cx_total": ["http.user_agent.downstream_cx_total", {
    http_user_agent: "ios",
    http_conn_manager_prefix: "in",
  }],
  "listener.127.0.0.1_8080.downstream_cx_total": ["listener.downstream_cx_total", {
    listener_address: "127.0.0.1_8080",
  }],
  "listener.[__1]_8080.downstream_cx_total": ["listener.downstream_cx_total", {
    listener_address: "[__1]_8080",
  }],
  "listener.127.0.0.1_8080.worker_3.downstream_cx_active": [
    "listener.worker_downstream_cx_active",
    { worker_id: "3", listener_address: "127.0.0.1_8080" },
  ],
  "listener.127.0.0.1_8080.http.in.downstream_rq_2xx": ["listener.http.downstream_rq_xx", {
    response_code_class: "2",
    http_conn_manager_prefix: "in",
    listener_address: "127.0.0.1_8080",
  }],
  "listener.admin.downstream_cx_total": ["listener.admin.downstream_cx_total", {}],
  "server.worker_0.watchdog_miss": ["server.worker_watchdog_miss", { worker_id: "0" }],
  "thread_local_cluster_manager.worker_1.clusters_inflated": [
    "thread_local_cluster_manager.worker_clusters_inflated",
    { worker_id: "1" },
  ],
  "http.in.rbac.policy.admins.allowed": ["http.rbac.policy.allowed", {
    http_conn_manager_prefix: "in",
    rbac_policy_name: "admins",
  }],
  "sds.server_cert.update_success": ["sds.update_success", { xds_resource_name: "server_cert" }],
  "vhost.all.vcluster.vc.upstream_rq_200": ["vhost.vcluster.upstream_rq", {
    response_code: "200",
    virtual_cluster: "vc",
    virtual_host: "all",
  }],
  "vhost.all.route.rt.upstream_rq_total": ["vhost.route.upstream_rq_total", {
    virtual_host: "all",
    route: "rt",
  }],
  "mongo.m.collection.c.callsite.s.query.total": ["mongo.collection.callsite.query.total", {
    mongo_callsite: "s",
    mongo_collection: "c",
    mongo_prefix: "m",
  }],
  "mongo.m.collection.c.query.total": ["mongo.collection.query.total", {
    mongo_collection: "c",
    mongo_prefix: "m",
  }],
  "rl.http_local_rate_limit.enabled": ["http_local_rate_limit.enabled", {
    local_http_ratelimit_prefix: "rl",
  }],
  "tcp.in.downstream_cx_total": ["tcp.downstream_cx_total", { tcp_prefix: "in" }],
  "": ["", {}],
  "cluster.": ["cluster.", {}],
};

for (const [stat, [name, labels]] of Object.entries(cases)) {
  Deno.test(`extractTags() of ${JSON.stringify(stat)}`, () => {
    const found = extractTags(stat);
    assert.equal(found.name, name);
    const wanted = Object.entries(labels).map(([tag, value]) => [`envoy.${tag}`, value]);
    assert.deepEqual(found.labels.map((label) => [label.name, label.value]), wanted);
  });
}

Deno.test("extractTags() takes time that is linear in hostile names", () => {
  for (const part of ["listener.", "ssl.", ".http.", "cluster.grpc.", "a."]) {
    const name = `listener.${part.repeat(1000)}`;
    const startMs = performance.now();
    extractTags(name);
    assert.ok(performance.now() - startMs < 2_000, part);
  }
});

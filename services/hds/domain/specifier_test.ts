// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { messageCodec } from "@denvoy/proto";
import type { Cluster_TransportSocketMatch } from "@denvoy/proto/messages";
import type { CheckedCluster } from "./checked_cluster.ts";
import { SpecifierWriter } from "./specifier.ts";
import { cluster, endpoint, prober, socketMatch } from "./testing.ts";

const codec = messageCodec("envoy.service.health.v3.HealthCheckSpecifier");

function input(...clusters: readonly CheckedCluster[]) {
  const assigned = new Map(clusters.map(({ name, endpoints }) => [
    name,
    new Set(endpoints.map(({ address }) => address)),
  ]));
  const byName = new Map(clusters.map((item) => [item.name, item]));
  return { assigned, clusters: byName, intervalMs: 1500 };
}

/** Clusters with how many endpoints each has; undefined when there is nothing to send. */
function shape(bytes: Uint8Array | undefined): Readonly<Record<string, number>> | undefined {
  if (bytes === undefined) return undefined;
  const { clusterHealthChecks } = codec.decode(bytes);
  return Object.fromEntries(clusterHealthChecks.map(({ clusterName, localityEndpoints }) => [
    clusterName,
    localityEndpoints.reduce((sum, { endpoints }) => sum + endpoints.length, 0),
  ]));
}

Deno.test("a specifier says what to check, where and how often to report", () => {
  const near = { region: "eu", zone: "a", subZone: "" };
  const web = cluster("web", [
    endpoint("10.0.0.1:80", { locality: near, hostname: "web" }),
    endpoint("10.0.0.2:80", { override: { port: 81, hostname: "hc", ip: "10.0.0.3" } }),
  ]);
  const bytes = new SpecifierWriter(prober("a")).next(input(web));
  assert.ok(bytes);
  const { interval, clusterHealthChecks: [sent] } = codec.decode(bytes);
  assert.deepEqual(interval, { seconds: 1, nanos: 5e8 });
  assert.deepEqual(sent?.localityEndpoints.map(({ locality }) => locality), [
    near,
    { region: "", zone: "", subZone: "" },
  ]);
  const [second] = sent?.localityEndpoints[1]?.endpoints ?? [];
  assert.equal(second?.healthCheckConfig?.portValue, 81);
  assert.equal(second?.healthCheckConfig?.address?.socketAddress?.address, "10.0.0.3");
  assert.equal(sent?.healthChecks.length, 1);
});

Deno.test("a specifier is sent once, and again when it differs or the Envoy is back", () => {
  const writer = new SpecifierWriter(prober("a"));
  const web = input(cluster("web", ["10.0.0.1:80"]));
  assert.deepEqual(shape(writer.next(web)), { web: 1 });
  assert.equal(writer.next(web), undefined);
  writer.restart(prober("a"));
  assert.deepEqual(shape(writer.next(web)), { web: 1 });
});

Deno.test("a cluster that is to be checked no more stays without endpoints", () => {
  const writer = new SpecifierWriter(prober("a"));
  const web = cluster("web", ["10.0.0.1:80"]);
  writer.next(input(web, cluster("old", ["10.0.0.2:80"])));
  assert.deepEqual(shape(writer.next(input(web))), { web: 1, old: 0 });
  assert.equal(writer.next(input(web)), undefined);
  assert.deepEqual(shape(writer.next(input(web, cluster("old", ["10.0.0.2:80"])))), {
    ...{ web: 1, old: 1 },
  });
  const many = Array.from({ length: 100 }, (_, index) => cluster(`c${index}`, ["10.0.0.1:1"]));
  writer.next(input(...many));
  assert.deepEqual(shape(writer.next(input(web))), { web: 1 }, "not for ever");
});

Deno.test("what would end an Envoy does not leave, whatever was read", () => {
  const named = cluster("web", [endpoint("web:80", { ip: "web" })]);
  assert.throws(() => new SpecifierWriter(prober("a")).next(input(named)), /must be an IP/);
  const needy = cluster("web", ["10.0.0.1:80"], {
    needs: new Set(["extension x.health_checkers.y"]),
  });
  assert.throws(() => new SpecifierWriter(prober("a")).next(input(needy)), /cannot check it/);
  const unresolved = cluster("web", [endpoint("web:80", { ip: undefined })]);
  assert.deepEqual(shape(new SpecifierWriter(prober("a")).next(input(unresolved))), {});
});

Deno.test("each of several checks is a cluster of its own", () => {
  const [check] = cluster("x", []).checks;
  assert.ok(check);
  const web = cluster("web", ["10.0.0.1:80"], { checks: [check, check] });
  const bytes = new SpecifierWriter(prober("a")).next(input(web));
  assert.deepEqual(shape(bytes), { "web": 1, "web~check2": 1 });
  const { clusterHealthChecks } = codec.decode(bytes ?? new Uint8Array());
  assert.deepEqual(clusterHealthChecks.map(({ healthChecks }) => healthChecks.length), [1, 1]);
});

Deno.test("checks differ whenever transport sockets do, and choose what they chose", () => {
  const [check] = cluster("x", []).checks;
  assert.ok(check);
  const tls = { fields: { tls: { boolValue: true } } };
  const writer = new SpecifierWriter(prober("a"));
  const sent = (...transportSocketMatches: readonly Cluster_TransportSocketMatch[]) => {
    const checks = [check, { ...check, transportSocketMatchCriteria: tls }];
    const web = cluster("web", ["10.0.0.1:80"], { checks, transportSocketMatches });
    writer.restart(prober("a"));
    const { clusterHealthChecks } = codec.decode(writer.next(input(web)) ?? new Uint8Array());
    return clusterHealthChecks.map(({ healthChecks }) =>
      healthChecks[0]?.transportSocketMatchCriteria?.fields
    );
  };
  assert.deepEqual(sent(), [undefined, { tls: { boolValue: true } }]);
  const [plain, chosen] = sent(socketMatch("one"));
  const tag = plain?.["denvoy.sockets"]?.stringValue;
  assert.ok(tag);
  assert.deepEqual(chosen, { "tls": { boolValue: true }, "denvoy.sockets": { stringValue: tag } });
  assert.deepEqual(sent(socketMatch("one")), [plain, chosen]);
  assert.notDeepEqual(sent(socketMatch("two")), [plain, chosen]);
});

Deno.test("endpoints of each transport socket are a cluster of their own", () => {
  const tls = { fields: { tls: { boolValue: true } } };
  const web = cluster("web", ["10.0.0.1:80", endpoint("10.0.0.2:80", { socket: 1 })], {
    sockets: [
      { criteria: undefined, lacksAlpn: false },
      { criteria: tls, lacksAlpn: true },
    ],
    transportSocketMatches: [socketMatch("one")],
  });
  const bytes = new SpecifierWriter(prober("a")).next(input(web));
  assert.deepEqual(shape(bytes), { "web": 1, "web~socket2": 1 });
  const { clusterHealthChecks } = codec.decode(bytes ?? new Uint8Array());
  const chosen = clusterHealthChecks.map(({ healthChecks }) =>
    Object.keys(healthChecks[0]?.transportSocketMatchCriteria?.fields ?? {})
  );
  assert.deepEqual(chosen, [["denvoy.sockets"], ["denvoy.sockets", "tls"]]);
});

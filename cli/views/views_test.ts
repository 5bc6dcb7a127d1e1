// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import type { NodeAnswer, NodeResourceAnswer, RolloutAnswer, TypeAnswer } from "../api/answers.ts";
import { stylesFor } from "../output/styles.ts";
import { nodesView } from "./nodes_view.ts";
import { nodeView } from "./node_view.ts";
import { rejectionsView } from "./rejections_view.ts";
import { resourcesView } from "./resources_view.ts";
import { revisionsView, revisionView } from "./revisions_view.ts";
import { rolloutsView, rolloutView } from "./rollouts_view.ts";
import { selectorText } from "./selector_text.ts";

const options = { styles: stylesFor(false), nowMs: Date.parse("2030-01-01T00:10:00Z") };
const AT = "2030-01-01T00:07:00Z";

function type(name: string, counts: Partial<TypeAnswer> = {}): TypeAnswer {
  const none = { synced: 0, stale: 0, rejected: 0, missing: 0, resources: 3, wildcard: true };
  return { type: name, typeUrl: name, ...none, acceptedAt: AT, ...counts };
}

function node(id: string, status: NodeAnswer["status"], types: readonly TypeAnswer[]): NodeAnswer {
  const stream = { mode: "delta", address: "10.0.0.1:5", since: AT, types } as const;
  return { id, cluster: "web", selectors: [], status, streams: [stream] };
}

Deno.test("nodesView() shows how each node stands with each type, errors first", () => {
  const { acceptedAt: _, ...notSent } = type("listeners", { stale: 3 });
  const nodes = [
    node("a", "synced", [type("clusters", { synced: 3 })]),
    node("b", "stale", [notSent, type("clusters", { stale: 1 })]),
    node("c", "error", [type("listeners", { rejected: 1, stale: 1 }), type("clusters")]),
    node("d", "synced", [type("clusters", { missing: 1 })]),
  ];
  assert.deepEqual(nodesView(nodes, options), [
    "NODE   CLUSTER   STATUS   MODE    CONNECTED   LISTENERS      CLUSTERS",
    "c      web       ERROR    delta   3m          ERROR 1/3      SYNCED 3",
    "b      web       STALE    delta   3m          NOT SENT 3/3   STALE 1/3",
    "a      web       SYNCED   delta   3m          -              SYNCED 3",
    "d      web       SYNCED   delta   3m          -              SYNCED 2",
    "",
    "nodes with rejections: 1 of 4; see: denvoy inspect rejections",
  ]);
  assert.deepEqual(nodesView([], options), ["no node is connected"]);
});

Deno.test("nodeView() shows each resource, and rejections in Envoy's words", () => {
  const resource = (name: string, status: NodeResourceAnswer["status"]): NodeResourceAnswer => ({
    name,
    status,
    clientStatus: "acked",
    version: "0123456789abcdef",
  });
  const rejection = {
    version: "fedcba9876543210",
    code: 13,
    message: "cannot bind\nin use\n",
    at: AT,
  };
  const resources = [
    { ...resource("web", "synced"), acceptedVersion: "0123456789abcdef" },
    { ...resource("bad", "error"), rejection },
    { ...resource("new", "not-sent") },
    { name: "gone", status: "synced", clientStatus: "does-not-exist" } as const,
  ];
  const types = [{ ...type("listeners"), resources }];
  const stream = { mode: "sotw", address: "10.0.0.1:5", since: AT, types } as const;
  const lines = nodeView({
    id: "n",
    cluster: "",
    locality: { region: "eu", zone: "", subZone: "" },
    metadata: { stage: "prod", n: 1 },
    selectors: ["cluster=web"],
    userAgent: "envoy 1.40.0",
    status: "error",
    streams: [stream],
  }, options);
  assert.deepEqual(lines, [
    "Node       n",
    "Cluster    -",
    "Locality   eu / - / -",
    "Metadata   stage=prod n=1",
    "Selectors  cluster=web",
    "Program    envoy 1.40.0",
    "Status     ERROR",
    "",
    "sotw stream from 10.0.0.1:5, connected for 3m",
    "TYPE        NAME   STATUS     HAS            SERVED",
    "listeners   web    SYNCED     0123456789ab   0123456789ab",
    "listeners   bad    ERROR      -              0123456789ab",
    "listeners   new    NOT SENT   -              0123456789ab",
    "listeners   gone   MISSING    -              -",
    "",
    "rejected listeners/bad version fedcba987654 3m ago, INTERNAL:",
    "  cannot bind",
    "  in use",
  ]);
});

Deno.test("resourcesView() says where each resource comes from", () => {
  const entry = { type: "clusters", typeUrl: "c", name: "a", version: "v" };
  const table: readonly [Partial<Parameters<typeof resourcesView>[0][number]>, string][] = [
    [{ owner: "files", file: "c.yaml:3" }, "c.yaml:3"],
    [{ owner: "api", who: "ci", at: AT }, "api, ci, 3m ago"],
    [{ owner: "pin", pinnedToRevision: 4 }, "rollback to revision 4"],
    [{ owner: "files", file: "c.yaml:3", rollout: "rollout-1" }, "c.yaml:3 + rollout-1"],
    [{ owner: "registrations", registeredEndpoints: 2 }, "2 registered endpoints"],
  ];
  for (const [more, expected] of table) {
    const [, line] = resourcesView([{ ...entry, owner: "", ...more }], options);
    assert.equal(line, `clusters   a      all     v         ${expected}`);
  }
  assert.deepEqual(resourcesView([], options), ["nothing of that is served"]);
});

Deno.test("selectorText() is the form that flags take", () => {
  const clauses = [
    { id: ["a", "b*"], locality: { region: "eu" }, metadata: { stage: ["prod"] } },
    { metadata: { x: { exists: true }, y: { exists: false } } },
  ];
  assert.equal(
    selectorText(clauses),
    "id=a|b*,region=eu,metadata.stage=prod or metadata.x,!metadata.y",
  );
  assert.equal(selectorText(undefined), "");
});

Deno.test("revisionsView() and revisionView() tell who changed what when", () => {
  const head = { id: 7, at: AT, who: "ci", source: "api", summary: "apply 2 resources" };
  assert.deepEqual(revisionsView([{ ...head, changes: 2 }], options), [
    "REVISION   AGE   WHO   SOURCE   CHANGES   SUMMARY",
    "7          3m    ci    api      2         apply 2 resources",
  ]);
  const changes = [
    { type: "clusters", name: "a", what: "changed", diff: "--- x\n+++ y\n" },
    { type: "clusters", name: "b", what: "removed", nodes: [{ id: ["n"] }] },
  ] as const;
  assert.deepEqual(revisionView({ ...head, changes }, options), [
    "Revision 7",
    `${AT} (3m ago) by ci, api: apply 2 resources`,
    "",
    "~ clusters/a",
    "--- x\n+++ y",
    "",
    "- clusters/b (nodes id=n)",
  ]);
});

Deno.test("rolloutsView() and rolloutView() tell how far a rollout is", () => {
  const rollout: RolloutAnswer = {
    id: "rollout-1",
    status: "canary",
    who: "ci",
    summary: "apply 1 resources",
    startedAt: AT,
    audience: [{ id: ["a"] }],
    rules: { minAcks: 2, soak: "5s", timeout: "300s", onTimeout: "revert" },
    changes: [{ type: "clusters", name: "a", what: "put" }],
    nodes: [
      { node: "a", pending: [], acked: ["a"] },
      { node: "b", pending: ["a"], acked: [] },
    ],
  };
  assert.deepEqual(rolloutsView([rollout], options), [
    "ROLLOUT     STATUS   AGE   WHO   FIRST TO   ACCEPTED   SUMMARY",
    "rollout-1   canary   3m    ci    id=a       1/2        apply 1 resources",
  ]);
  assert.deepEqual(rolloutView({ ...rollout, why: "abort by ci", status: "reverted" }, options), [
    "rollout-1 reverted: abort by ci",
    "started 3m ago by ci, first to id=a",
    "goes on when 2 nodes accepted and after 5s; after 300s: revert",
    "",
    "~ clusters/a",
    "",
    "NODE   ACCEPTED   WAITS FOR",
    "a      a          -",
    "b      -          a",
  ]);
});

Deno.test("rejectionsView() puts what is still served first and says what to do", () => {
  const rejection = {
    type: "listeners",
    name: "web",
    version: "0123456789abcdef",
    code: 13,
    message: "no",
    streams: 2,
    firstAt: AT,
    current: false,
  };
  const current = { ...rejection, name: "bad", current: true, servedInstead: "fedcba9876543210" };
  assert.deepEqual(rejectionsView([rejection, current], options), [
    "listeners/bad version 0123456789ab: 2 connections, first 3m ago, INTERNAL",
    "  no",
    "  new nodes get version fedcba987654 meanwhile",
    "listeners/web version 0123456789ab (no longer served): 2 connections, first 3m ago, INTERNAL",
    "  no",
    "",
    "Mend it; or, if it was not its content's fault: denvoy retry TYPE NAME",
  ]);
});

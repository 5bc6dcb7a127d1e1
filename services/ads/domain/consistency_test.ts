// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import type { ResourceKey } from "@denvoy/xds";
import { Catalog, type CatalogEdit, type SlotEdit } from "./catalog.ts";
import { allBrokenReferences, brokenReferences } from "./consistency.ts";
import {
  CLUSTER,
  LB_ENDPOINT,
  LISTENER,
  LOAD_ASSIGNMENT,
  ROUTE_CONFIGURATION,
  SECRET,
} from "./resource_types.ts";
import { testSelector, textResource } from "./testing.ts";

const cluster = { typeUrl: CLUSTER, name: "c" };
const assignment = { typeUrl: LOAD_ASSIGNMENT, name: "c" };
const secret = { typeUrl: SECRET, name: "s" };
const routes = { typeUrl: ROUTE_CONFIGURATION, name: "r" };
const listener = { typeUrl: LISTENER, name: "l" };
const collection = { typeUrl: LB_ENDPOINT, name: "a/*" };

function put(key: ResourceKey, references: readonly ResourceKey[] = [], selector = ""): SlotEdit {
  const resource = textResource(key.name, { text: "", typeUrl: key.typeUrl, references });
  const entry = { resource, place: { file: `${key.name}.yaml`, line: 3 } };
  return { key, selector: testSelector(selector), layer: "files", entry };
}

function without(key: ResourceKey, selector = ""): SlotEdit {
  return { key, selector: testSelector(selector), layer: "files", entry: undefined };
}

const registered: CatalogEdit = {
  key: assignment,
  layer: "overlay",
  entry: {
    name: "c",
    verdicts: new Map(),
    endpoints: [{
      id: "e",
      socket: "a:1",
      locality: { region: "", zone: "", subZone: "" },
      priority: 0,
      weight: 1,
      value: new Uint8Array(0),
      raw: new Uint8Array([0x12, 0]),
    }],
  },
};

interface Case {
  readonly name: string;
  readonly before?: readonly CatalogEdit[];
  readonly edits: readonly CatalogEdit[];
  /** Severities by policy: strict, refuse, warn. Empty when nothing is wrong. */
  readonly found: readonly ("error" | "warning")[];
  readonly message?: RegExp;
}

const broken = ["error", "error", "warning"] as const;

const cases: readonly Case[] = [
  {
    name: "a route to a cluster that nobody has",
    edits: [put(routes, [cluster])],
    found: broken,
    message: /^route config "r" references cluster "c", which does not exist$/,
  },
  { name: "both in one change", edits: [put(routes, [cluster]), put(cluster)], found: [] },
  { name: "the target first", before: [put(cluster)], edits: [put(routes, [cluster])], found: [] },
  {
    name: "a cluster before its endpoints",
    edits: [put(cluster, [assignment])],
    found: ["error", "warning", "warning"],
  },
  {
    name: "endpoints that registered",
    before: [registered],
    edits: [put(cluster, [assignment])],
    found: [],
  },
  {
    name: "endpoints taken from a cluster",
    before: [put(cluster, [assignment]), put(assignment)],
    edits: [without(assignment)],
    found: broken,
    message: /would no longer exist/,
  },
  {
    name: "endpoints taken from a cluster that has registered ones",
    before: [put(cluster, [assignment]), put(assignment), registered],
    edits: [without(assignment)],
    found: [],
  },
  { name: "a secret that nobody has", edits: [put(listener, [secret])], found: broken },
  {
    name: "a target that goes together with its referrer",
    before: [put(cluster, [secret]), put(secret)],
    edits: [without(cluster), without(secret)],
    found: [],
  },
  {
    name: "a target that goes while its referrer stays as it is",
    before: [put(cluster, [secret]), put(secret)],
    edits: [put(cluster, [secret]), without(secret)],
    found: broken,
  },
  {
    name: "a target that goes while its referrer turns to another",
    before: [put(cluster, [secret]), put(secret)],
    edits: [put(cluster), without(secret)],
    found: [],
  },
  {
    name: "one that was broken before",
    before: [put(routes, [cluster])],
    edits: [put(routes, [cluster], "")],
    found: [],
  },
  {
    name: "a collection of which there is an endpoint",
    before: [put({ typeUrl: LB_ENDPOINT, name: "a/1" })],
    edits: [put(assignment, [collection])],
    found: [],
  },
  {
    name: "a collection without endpoints",
    before: [put({ typeUrl: LB_ENDPOINT, name: "b/1" })],
    edits: [put(assignment, [collection])],
    found: ["error", "warning", "warning"],
  },
  {
    name: "a target that other nodes have",
    before: [put(cluster, [], "id=a")],
    edits: [put(routes, [cluster])],
    found: ["warning", "warning", "warning"],
    message: /which only nodes that match id=a have/,
  },
  {
    name: "a target that the same nodes have",
    before: [put(cluster, [], "id=a")],
    edits: [put(routes, [cluster], "id=a")],
    found: [],
  },
];

Deno.test("brokenReferences() finds what a change breaks, by policy", async (t) => {
  for (const { name, before = [], edits, found, message } of cases) {
    await t.step(name, () => {
      const catalog = new Catalog();
      catalog.apply(before);
      const { touched } = catalog.apply(edits);
      const severities = (["strict", "refuse", "warn"] as const).map((policy) => {
        const problems = brokenReferences(catalog, { touched, policy });
        if (message !== undefined) assert.match(problems[0]?.message ?? "", message);
        assert.ok(problems.length <= 1, JSON.stringify(problems));
        return problems[0]?.severity;
      });
      assert.deepEqual(severities, found.length === 0 ? [undefined, undefined, undefined] : found);
    });
  }
});

Deno.test("brokenReferences() names the place of the resource that references", () => {
  const catalog = new Catalog();
  const { touched } = catalog.apply([put(routes, [cluster])]);
  const [problem] = brokenReferences(catalog, { touched, policy: "warn" });
  assert.deepEqual([problem?.file, problem?.line], ["r.yaml", 3]);
});

Deno.test("allBrokenReferences() finds all, also those of before", () => {
  const catalog = new Catalog();
  catalog.apply([put(routes, [cluster]), put(listener, [secret, routes])]);
  assert.equal(allBrokenReferences(catalog, "warn").length, 2);
});

Deno.test("brokenReferences() leaves alone what may be where the catalog cannot see it", () => {
  const catalog = new Catalog([SECRET]);
  const added = catalog.apply([put(secret), put(listener, [secret, routes])]);
  const missing = brokenReferences(catalog, { touched: added.touched, policy: "refuse" });
  assert.deepEqual(missing.map(({ message }) => /"(r|s)"/.exec(message)?.[1]), ["r"]);
  const removed = catalog.apply([without(secret)]);
  assert.deepEqual(brokenReferences(catalog, { touched: removed.touched, policy: "strict" }), []);
  const all = allBrokenReferences(catalog, "refuse");
  assert.deepEqual(all.map(({ message }) => /"(r|s)"/.exec(message)?.[1]), ["r"]);
});

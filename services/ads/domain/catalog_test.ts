// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import type { ResourceKey } from "@denvoy/xds";
import { Catalog, type CatalogEdit, type SlotEdit } from "./catalog.ts";
import { compareSelectors, matchesNode, type NodeIdentity } from "./node_selector.ts";
import { type NodeView, NodeViews } from "./node_views.ts";
import { CLUSTER, LOAD_ASSIGNMENT, ROUTE_CONFIGURATION } from "./resource_types.ts";
import { keyText } from "./slot.ts";
import { testNode, testSelector, textOf, textResource } from "./testing.ts";

function edit(
  layer: SlotEdit["layer"],
  name: string,
  options: { text?: string | undefined; selector?: string; audience?: string } = {},
): SlotEdit {
  const base = { key: { typeUrl: CLUSTER, name }, selector: testSelector(options.selector ?? "") };
  const resource = options.text === undefined
    ? undefined
    : textResource(name, { text: options.text });
  switch (layer) {
    case "files":
      return {
        ...base,
        layer,
        entry: resource && { resource, place: { file: "a.yaml", line: 1 } },
      };
    case "api":
      return { ...base, layer, entry: resource && { resource, who: "me", atMs: 0 } };
    case "pin":
      return { ...base, layer, entry: { ...(resource ? { resource } : {}), revision: 1 } };
    case "canary": {
      const audience = testSelector(options.audience ?? "");
      return {
        ...base,
        layer,
        entry: { rollout: "r", audience, ...(resource ? { resource } : {}) },
      };
    }
  }
}

const cases: readonly {
  readonly name: string;
  readonly edits: readonly SlotEdit[];
  /** What nodes `edge-1` (cluster front) and `core-1` see. */
  readonly edge: string | undefined;
  readonly core: string | undefined;
}[] = [
  { name: "a file", edits: [edit("files", "x", { text: "F" })], edge: "F", core: "F" },
  {
    name: "the API over files, whatever came first",
    edits: [edit("api", "x", { text: "A" }), edit("files", "x", { text: "F" })],
    edge: "A",
    core: "A",
  },
  {
    name: "files again once the API entry is deleted",
    edits: [edit("files", "x", { text: "F" }), edit("api", "x", { text: "A" }), edit("api", "x")],
    edge: "F",
    core: "F",
  },
  {
    name: "a pin over both",
    edits: [
      edit("pin", "x", { text: "P" }),
      edit("api", "x", { text: "A" }),
      edit("files", "x", { text: "F" }),
    ],
    edge: "P",
    core: "P",
  },
  {
    name: "a pin that hides",
    edits: [edit("files", "x", { text: "F" }), edit("pin", "x")],
    edge: undefined,
    core: undefined,
  },
  {
    name: "a file for some nodes over the API for all",
    edits: [
      edit("api", "x", { text: "A" }),
      edit("files", "x", { text: "E", selector: "id=edge-*" }),
    ],
    edge: "E",
    core: "A",
  },
  {
    name: "the narrower selector",
    edits: [
      edit("files", "x", { text: "cluster", selector: "cluster=front" }),
      edit("files", "x", { text: "id", selector: "id=edge-*" }),
    ],
    edge: "id",
    core: undefined,
  },
  {
    name: "the higher priority",
    edits: [
      edit("files", "x", { text: "cluster", selector: "cluster=front,priority=1" }),
      edit("files", "x", { text: "id", selector: "id=edge-*" }),
    ],
    edge: "cluster",
    core: undefined,
  },
  {
    name: "the wider slot when the narrower one is hidden",
    edits: [
      edit("files", "x", { text: "all" }),
      edit("files", "x", { text: "id", selector: "id=edge-*" }),
      edit("pin", "x", { selector: "id=edge-*" }),
    ],
    edge: "all",
    core: "all",
  },
  {
    name: "a canary for its audience",
    edits: [
      edit("api", "x", { text: "A" }),
      edit("canary", "x", { text: "C", audience: "id=edge-*" }),
    ],
    edge: "C",
    core: "A",
  },
  {
    name: "a canary of something new",
    edits: [edit("canary", "x", { text: "C", audience: "id=edge-*" })],
    edge: "C",
    core: undefined,
  },
  {
    name: "a canary that deletes: the file below it",
    edits: [
      edit("files", "x", { text: "F" }),
      edit("api", "x", { text: "A" }),
      edit("canary", "x", { audience: "id=edge-*" }),
    ],
    edge: "F",
    core: "A",
  },
];

Deno.test("Catalog serves what layers and selectors decide", async (t) => {
  for (const { name, edits, edge, core } of cases) {
    await t.step(name, () => {
      const catalog = new Catalog();
      catalog.apply(edits);
      const views = new NodeViews(catalog);
      const seen = (node: NodeIdentity) => textOf(views.peek(node).get(CLUSTER, "x"));
      assert.equal(seen(testNode("edge-1", { cluster: "front" })), edge);
      assert.equal(seen(testNode("core-1")), core);
    });
  }
});

Deno.test("Catalog.revert() takes a change back, references and selectors too", () => {
  const catalog = new Catalog();
  const route: SlotEdit = {
    key: { typeUrl: ROUTE_CONFIGURATION, name: "r" },
    selector: testSelector("id=edge"),
    layer: "api",
    entry: {
      resource: textResource("r", {
        typeUrl: ROUTE_CONFIGURATION,
        references: [{ typeUrl: CLUSTER, name: "x" }],
      }),
      who: "me",
      atMs: 0,
    },
  };
  const change = catalog.apply([route]);
  assert.ok(change.selectorsChanged);
  assert.deepEqual([...catalog.referrers({ typeUrl: CLUSTER, name: "x" })], [route.key]);
  catalog.revert(change);
  assert.deepEqual([...catalog.referrers({ typeUrl: CLUSTER, name: "x" })], []);
  assert.deepEqual(catalog.selectors(), []);
  assert.deepEqual(catalog.typeUrls(), []);
});

/** The reference: every edit kept per (slot, layer), merged from scratch for each question. */
class SlowCatalog {
  readonly #entries = new Map<string, SlotEdit>();

  apply(edits: readonly CatalogEdit[]): void {
    for (const edit of edits) {
      if (edit.layer === "overlay") continue;
      const text = `${keyText(edit.key)} ${edit.selector.key} ${edit.layer}`;
      if (edit.entry === undefined) this.#entries.delete(text);
      else this.#entries.set(text, edit);
    }
  }

  seen(node: NodeIdentity): Map<string, string> {
    const seen = new Map<string, string>();
    const matching = [...this.#entries.values()]
      .filter(({ selector }) => matchesNode(selector, node))
      .sort((a, b) => compareSelectors(a.selector, b.selector));
    for (const [name, entries] of Map.groupBy(matching, ({ key }) => key.name)) {
      for (const slot of Map.groupBy(entries, ({ selector }) => selector.key).values()) {
        const text = textOf(this.#slot(slot, node));
        if (text === undefined) continue;
        seen.set(name, text);
        break;
      }
    }
    return seen;
  }

  #slot(edits: readonly SlotEdit[], node: NodeIdentity) {
    const layer = (wanted: SlotEdit["layer"]) => edits.find(({ layer }) => layer === wanted);
    const files = layer("files")?.entry;
    const canary = layer("canary");
    if (canary?.layer === "canary" && canary.entry && matchesNode(canary.entry.audience, node)) {
      return canary.entry.resource ?? files?.resource;
    }
    const entry = layer("pin")?.entry ?? layer("api")?.entry ?? files;
    return entry?.resource;
  }
}

Deno.test("NodeViews after random changes equal a merge from scratch, and report each difference", () => {
  let seed = 20260801;
  const random = (below: number) =>
    (seed = Math.imul(seed ^ seed >>> 15, 0x2c1b3c6d) >>> 0) % below;
  const pick = <T>(items: readonly T[]): T => items[random(items.length)] ?? items[0] as T;
  const selectors = [
    "",
    "",
    "id=a",
    "id=b",
    "id=*",
    "cluster=x",
    "cluster=y,priority=2",
    "region=r",
  ];
  const nodes = ["a", "b", "c"].flatMap((id) =>
    ["x", "y"].map((cluster) =>
      testNode(id, { cluster, locality: { region: id === "c" ? "r" : "", zone: "", subZone: "" } })
    )
  );
  for (let round = 0; round < 40; round++) {
    const catalog = new Catalog();
    const slow = new SlowCatalog();
    const views = new NodeViews(catalog);
    const mirrors = nodes.map((node) => new Mirror(node, views));
    for (let step = 0; step < 40; step++) {
      const edits = Array.from({ length: 1 + random(4) }, () => {
        const layer = pick(["files", "files", "api", "pin", "canary"] as const);
        const selector = pick(selectors);
        const made = edit(layer, `n${random(4)}`, {
          text: random(3) === 0 ? undefined : `t${random(5)}`,
          selector,
          audience: pick(["id=a", "cluster=y", "region=r"]),
        });
        return random(4) === 0 ? { ...made, entry: undefined } : made;
      });
      const change = catalog.apply(edits);
      if (random(5) === 0) {
        catalog.revert(change);
      } else {
        slow.apply(edits);
        const changes = views.follow(change);
        for (const mirror of mirrors) mirror.learn(changes);
      }
      for (const mirror of mirrors) {
        const expected = [...slow.seen(mirror.node)].sort();
        assert.deepEqual(mirror.view(), expected, `view, round ${round}, step ${step}`);
        assert.deepEqual(mirror.known(), expected, `told, round ${round}, step ${step}`);
      }
    }
    for (const mirror of mirrors) mirror.lease.release();
    assert.deepEqual([...views.views()], []);
  }
});

/** Knows only what it was told changed, as the other end of a stream does. */
class Mirror {
  readonly node: NodeIdentity;
  readonly lease;
  readonly #known = new Map<string, string>();

  constructor(node: NodeIdentity, views: NodeViews) {
    this.node = node;
    this.lease = views.lease({ node, moved: (view, keys) => this.#read(view, keys) });
  }

  learn(changes: ReturnType<NodeViews["follow"]>): void {
    for (const { view, keys } of changes) if (view === this.lease.view) this.#read(view, keys);
  }

  view(): readonly (readonly [string, string | undefined])[] {
    const list = this.lease.view.list(CLUSTER);
    assert.equal(this.lease.view.list(CLUSTER), list);
    return list.map((resource) => [resource.name, textOf(resource)] as const).sort();
  }

  known(): readonly (readonly [string, string])[] {
    return [...this.#known].sort();
  }

  #read(view: NodeView, keys: readonly ResourceKey[]): void {
    for (const { typeUrl, name } of keys) {
      const text = textOf(view.get(typeUrl, name));
      if (text === undefined) this.#known.delete(name);
      else this.#known.set(name, text);
    }
  }
}

Deno.test("NodeViews keeps the view of those whom a new selector does not concern", () => {
  const catalog = new Catalog();
  const views = new NodeViews(catalog);
  const moved: string[] = [];
  const lease = (id: string) =>
    views.lease({ node: testNode(id), moved: (_, keys) => moved.push(`${id}: ${keys.length}`) });
  const [edge, core, other] = [lease("edge"), lease("core"), lease("other")];
  const before = core.view;
  assert.equal(edge.view, core.view);
  views.follow(catalog.apply([edit("files", "x", { text: "E", selector: "id=edge" })]));
  assert.equal(core.view, before);
  assert.equal(other.view, before);
  assert.notEqual(edge.view, before);
  assert.deepEqual(moved, ["edge: 1"]);
  views.follow(catalog.apply([edit("files", "x", { selector: "id=edge" })]));
  assert.equal(edge.view, before);
  assert.deepEqual(moved, ["edge: 1", "edge: 1"]);
});

Deno.test("NodeView.placeholder() is an empty load assignment where a cluster expects one", () => {
  const catalog = new Catalog();
  const views = new NodeViews(catalog);
  const lease = views.lease({ node: testNode("edge"), moved() {} });
  const cluster = textResource("c", { references: [{ typeUrl: LOAD_ASSIGNMENT, name: "c" }] });
  const put: SlotEdit = {
    key: cluster,
    selector: testSelector(""),
    layer: "api",
    entry: { resource: cluster, who: "me", atMs: 0 },
  };
  assert.equal(lease.view.placeholder(LOAD_ASSIGNMENT, "c"), undefined);
  const [change] = views.follow(catalog.apply([put]));
  assert.deepEqual(change?.keys.map(({ typeUrl }) => typeUrl), [CLUSTER, LOAD_ASSIGNMENT]);
  const placeholder = lease.view.placeholder(LOAD_ASSIGNMENT, "c");
  assert.equal(placeholder?.name, "c");
  assert.equal(lease.view.placeholder(LOAD_ASSIGNMENT, "c"), placeholder);
  const [removal] = views.follow(catalog.apply([{ ...put, entry: undefined }]));
  assert.equal(removal?.keys.length, 2);
  lease.release();
});

Deno.test("NodeViews.follow() costs what was touched, not what there is", () => {
  const catalog = new Catalog();
  catalog.apply(
    Array.from({ length: 20_000 }, (_, index) => edit("files", `n${index}`, { text: `${index}` })),
  );
  const views = new NodeViews(catalog);
  const lease = views.lease({ node: testNode("edge"), moved() {} });
  const change = catalog.apply([edit("files", "n7", { text: "new" })]);
  assert.equal(change.touched.length, 1);
  assert.deepEqual(views.follow(change).map(({ keys }) => keys), [[{
    typeUrl: CLUSTER,
    name: "n7",
  }]]);
  lease.release();
});

// SPDX-License-Identifier: Apache-2.0
/**
 * Who sees what. Nodes that match the same selectors share one view, however many they are; a view
 * is not a copy but a way of reading the catalog. When a selector comes or goes, views split and
 * merge, and a node that changes view is told what that changed for it.
 * @module
 */
import type { Resource, ResourceKey, ResourceView, TypeUrl } from "@denvoy/xds";
import type { Catalog, CatalogChange, Touched } from "./catalog.ts";
import { emptyAssignment } from "./endpoint_overlay.ts";
import { matchesNode, type NodeIdentity, type NodeSelector } from "./node_selector.ts";
import { LOAD_ASSIGNMENT } from "./resource_types.ts";
import { keyText, type SelectorMatch } from "./slot.ts";

/** What the nodes that match the same selectors see, at any moment. */
export class NodeView implements ResourceView, SelectorMatch {
  readonly #catalog: Catalog;
  readonly #lists = new Map<TypeUrl, readonly Resource[]>();
  #matched: ReadonlySet<string>;

  /** `matched` holds the keys of the selectors that the nodes match. */
  constructor(catalog: Catalog, matched: ReadonlySet<string>) {
    this.#catalog = catalog;
    this.#matched = matched;
  }

  /** The keys of the selectors that the nodes match, e.g. for display. */
  get selectors(): readonly string[] {
    return [...this.#matched];
  }

  /** See {@linkcode SelectorMatch.matches}. */
  matches(selector: NodeSelector): boolean {
    return selector.clauses.length === 0 || this.#matched.has(selector.key);
  }

  /** See {@linkcode ResourceView.get}. */
  get(typeUrl: TypeUrl, name: string): Resource | undefined {
    return this.#catalog.effective({ typeUrl, name }, this);
  }

  /** See {@linkcode ResourceView.list}. */
  list(typeUrl: TypeUrl): readonly Resource[] {
    const known = this.#catalog.sharedList(typeUrl) ?? this.#lists.get(typeUrl);
    if (known !== undefined) return known;
    const list: Resource[] = [];
    for (const state of this.#catalog.states(typeUrl)) {
      const resource = state.effective(this);
      if (resource !== undefined) list.push(resource);
    }
    this.#lists.set(typeUrl, list);
    return list;
  }

  /** See {@linkcode ResourceView.withPrefix}. */
  *withPrefix(typeUrl: TypeUrl, prefix: string): Generator<Resource> {
    for (const resource of this.list(typeUrl)) {
      if (resource.name.startsWith(prefix)) yield resource;
    }
  }

  /** An empty load assignment for a cluster that exists without one: Envoy then stops waiting. */
  placeholder(typeUrl: TypeUrl, name: string): Resource | undefined {
    if (typeUrl !== LOAD_ASSIGNMENT) return undefined;
    for (const referrer of this.#catalog.referrers({ typeUrl, name })) {
      if (this.#catalog.effective(referrer, this) !== undefined) return emptyAssignment(name);
    }
    return undefined;
  }

  /** See {@linkcode ResourceView.lingering}. */
  lingering(typeUrl: TypeUrl): readonly Resource[] {
    return this.#catalog.lingering(typeUrl, this);
  }

  /** For {@linkcode NodeViews}: the selectors that exist have changed. */
  regroup(matched: ReadonlySet<string>): void {
    this.#matched = matched;
  }

  /** For {@linkcode NodeViews}: resources of these types have changed in this view. */
  forgetLists(typeUrls: Iterable<TypeUrl>): void {
    for (const typeUrl of typeUrls) this.#lists.delete(typeUrl);
  }
}

/** The place of one stream (or one reader) among the views. */
export interface ViewLease {
  /** What its node sees now. */
  readonly view: NodeView;
  /** Gives the place up; nothing is reported to it any more. */
  release(): void;
}

/** Who asks for a view. */
export interface ViewHolder {
  /** The node. */
  readonly node: NodeIdentity;
  /** Called when the node sees through another view from now on; `keys` differ from before. */
  moved(view: NodeView, keys: readonly ResourceKey[]): void;
}

/** What a change did to one view. */
export interface ViewChange {
  /** The view. */
  readonly view: NodeView;
  /** Keys whose resource (or placeholder) is another one now; never empty. */
  readonly keys: readonly ResourceKey[];
}

interface Lease {
  readonly holder: ViewHolder;
  view: NodeView;
}

/** All views that somebody looks through. */
export class NodeViews {
  readonly #catalog: Catalog;
  readonly #views = new Map<string, NodeView>();
  readonly #leases = new Map<NodeView, Set<Lease>>();

  /** There are no views until somebody asks for one. */
  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** The views that are in use, with the number of their holders. */
  *views(): Generator<{ readonly view: NodeView; readonly holders: number }> {
    for (const [view, leases] of this.#leases) yield { view, holders: leases.size };
  }

  /** Returns the ids of the nodes that hold a place and match one of the selectors. */
  nodesMatching(selectors: readonly NodeSelector[]): ReadonlySet<string> {
    const ids = new Set<string>();
    for (const leases of this.#leases.values()) {
      for (const { holder: { node } } of leases) {
        if (selectors.some((selector) => matchesNode(selector, node))) ids.add(node.id);
      }
    }
    return ids;
  }

  /** Returns the place of a stream; release it when the stream ends. */
  lease(holder: ViewHolder): ViewLease {
    const matched = matchedSelectors(holder.node, this.#catalog.selectors());
    const view = this.#viewOf(matched);
    const lease: Lease = { holder, view };
    this.#leasesOf(view).add(lease);
    return {
      get view() {
        return lease.view;
      },
      release: () => this.#release(lease),
    };
  }

  /** Returns what a node would see, without a place. */
  peek(node: NodeIdentity): NodeView {
    const matched = matchedSelectors(node, this.#catalog.selectors());
    return this.#views.get(signature(matched)) ?? new NodeView(this.#catalog, matched);
  }

  /**
   * Follows a change that was applied to the catalog. Returns what it did to each view, for whoever
   * pushes; holders that moved to another view are told by themselves, after all is in order.
   */
  follow(change: CatalogChange): readonly ViewChange[] {
    const regroups = change.selectorsChanged;
    const before = new Map(
      [...this.#views.values()].map((view) => [view, regroups ? frozen(view) : view]),
    );
    const moves = regroups ? this.#regroup() : [];
    const diff = new KeyDiff(change.touched);
    const changes: ViewChange[] = [];
    for (const view of this.#views.values()) {
      const old = before.get(view) ?? view;
      const keys = diff.between(old, view);
      view.forgetLists(new Set(keys.map(({ typeUrl }) => typeUrl)));
      if (keys.length > 0 && before.has(view)) changes.push({ view, keys });
    }
    for (const { lease, from } of moves) {
      lease.holder.moved(lease.view, diff.between(before.get(from) ?? from, lease.view));
    }
    return changes;
  }

  #viewOf(matched: ReadonlySet<string>): NodeView {
    const key = signature(matched);
    const known = this.#views.get(key);
    if (known !== undefined) return known;
    const view = new NodeView(this.#catalog, matched);
    this.#views.set(key, view);
    return view;
  }

  #leasesOf(view: NodeView): Set<Lease> {
    const known = this.#leases.get(view);
    if (known !== undefined) return known;
    const leases = new Set<Lease>();
    this.#leases.set(view, leases);
    return leases;
  }

  #release(lease: Lease): void {
    const leases = this.#leases.get(lease.view);
    if (!leases?.delete(lease) || leases.size > 0) return;
    this.#leases.delete(lease.view);
    for (const [key, view] of this.#views) if (view === lease.view) this.#views.delete(key);
  }

  /** Sorts all holders anew. A view stays with the largest part of its holders. */
  #regroup(): readonly { lease: Lease; from: NodeView }[] {
    const parts = this.#parts();
    this.#views.clear();
    this.#leases.clear();
    const placed = new Set<NodeView>();
    const moves: { lease: Lease; from: NodeView }[] = [];
    for (const { key, matched, from, leases } of parts) {
      let view = this.#views.get(key);
      if (view === undefined) {
        view = placed.has(from) ? new NodeView(this.#catalog, matched) : from;
        placed.add(view);
        view.regroup(matched);
        this.#views.set(key, view);
      }
      for (const lease of leases) {
        this.#leasesOf(view).add(lease);
        if (lease.view === view) continue;
        lease.view = view;
        moves.push({ lease, from });
      }
    }
    return moves;
  }

  /** Returns the holders of each view that belong together from now on, largest part first. */
  #parts(): readonly Part[] {
    const selectors = this.#catalog.selectors();
    const parts: Part[] = [];
    for (const [from, leases] of this.#leases) {
      const byKey = new Map<string, Part>();
      for (const lease of leases) {
        const matched = matchedSelectors(lease.holder.node, selectors);
        const key = signature(matched);
        const part = byKey.get(key);
        if (part === undefined) byKey.set(key, { key, matched, from, leases: [lease] });
        else part.leases.push(lease);
      }
      parts.push(...byKey.values());
    }
    return parts.sort((a, b) => b.leases.length - a.leases.length);
  }
}

interface Part {
  readonly key: string;
  readonly matched: ReadonlySet<string>;
  readonly from: NodeView;
  readonly leases: Lease[];
}

/** What the touched keys mean for pairs of views; computed once for all that see the same. */
class KeyDiff {
  readonly #touched: readonly Touched[];
  readonly #conditional: readonly Touched[];
  readonly #shared: readonly ResourceKey[];

  constructor(touched: readonly Touched[]) {
    this.#touched = touched;
    this.#conditional = touched.filter(isConditional);
    this.#shared = sharedKeys(touched);
  }

  /** Returns the keys that differ between `before` in the old catalog and `after` in the new. */
  between(before: SelectorMatch, after: SelectorMatch & ResourceView): readonly ResourceKey[] {
    const own = this.#conditional.filter((entry) =>
      entry.before?.effective(before)?.version !== entry.after?.effective(after)?.version
    ).map(({ key }) => key);
    const placeholders = placeholderKeys(this.#touched, after);
    if (own.length === 0 && placeholders.length === 0) return this.#shared;
    return [...this.#shared, ...own, ...placeholders];
  }
}

function isConditional({ before, after }: Touched): boolean {
  return (before?.conditional ?? false) || (after?.conditional ?? false);
}

/** Keys that change alike for every node. */
function sharedKeys(touched: readonly Touched[]): readonly ResourceKey[] {
  const nobody: SelectorMatch = { matches: () => false };
  return touched.filter((entry) =>
    !isConditional(entry) &&
    entry.before?.effective(nobody)?.version !== entry.after?.effective(nobody)?.version
  ).map(({ key }) => key);
}

/** Load assignments that only now are, or no longer are, expected by a cluster. */
function placeholderKeys(
  touched: readonly Touched[],
  view: ResourceView,
): readonly ResourceKey[] {
  const keys = new Map<string, ResourceKey>();
  const own = new Set(touched.map(({ key }) => keyText(key)));
  for (const { before, after } of touched) {
    const sides = [[before, after], [after, before]] as const;
    for (const [here, there] of sides) {
      for (const [text, target] of here?.references ?? []) {
        if (target.typeUrl !== LOAD_ASSIGNMENT || own.has(text)) continue;
        if (there?.references.has(text) || view.get(target.typeUrl, target.name)) continue;
        keys.set(text, target);
      }
    }
  }
  return [...keys.values()];
}

/** A view as it is now, for comparison after its selectors have changed. */
function frozen(view: NodeView): SelectorMatch {
  const matched = new Set(view.selectors);
  return { matches: ({ clauses, key }) => clauses.length === 0 || matched.has(key) };
}

function matchedSelectors(
  node: NodeIdentity,
  selectors: readonly NodeSelector[],
): ReadonlySet<string> {
  return new Set(
    selectors.filter((selector) => matchesNode(selector, node)).map(({ key }) => key).sort(),
  );
}

function signature(matched: ReadonlySet<string>): string {
  return [...matched].join("\n");
}

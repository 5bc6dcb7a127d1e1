// SPDX-License-Identifier: Apache-2.0
/**
 * Everything that may be served, by type and name. A change costs what it touches, however much else
 * there is: the catalog keeps, beside the states of all keys, who references whom and which keys
 * differ between nodes. It never decides whether a change is wanted; it applies and takes back.
 * @module
 */
import type { Resource, ResourceKey, TypeUrl } from "@denvoy/xds";
import type { NodeSelector } from "./node_selector.ts";
import type { EndpointOverlay } from "./endpoint_overlay.ts";
import {
  type ApiEntry,
  type CanaryEntry,
  type FileEntry,
  KeyState,
  keyText,
  type PinEntry,
  type SelectorMatch,
  type Slot,
  type SlotRef,
} from "./slot.ts";

/** Replaces (or, without an entry, takes away) one layer of one slot. */
export type SlotEdit =
  & SlotRef
  & (
    | { readonly layer: "files"; readonly entry: FileEntry | undefined }
    | { readonly layer: "api"; readonly entry: ApiEntry | undefined }
    | { readonly layer: "pin"; readonly entry: PinEntry | undefined }
    | { readonly layer: "canary"; readonly entry: CanaryEntry | undefined }
  );

/** Replaces what is laid over a load assignment. */
export interface OverlayEdit {
  /** Type and name of the load assignment. */
  readonly key: ResourceKey;
  /** Marks the kind of edit. */
  readonly layer: "overlay";
  /** All of it; undefined when nothing is left. */
  readonly entry: EndpointOverlay | undefined;
}

/** One step of a change. */
export type CatalogEdit = SlotEdit | OverlayEdit;

/** One key before and after a change; absent means that nothing was known of it. */
export interface Touched {
  /** The key. */
  readonly key: ResourceKey;
  /** Its state before. */
  readonly before: KeyState | undefined;
  /** Its state after. */
  readonly after: KeyState | undefined;
}

/** What {@linkcode Catalog.apply} did, enough to take it back. */
export interface CatalogChange {
  /** Each key that an edit named, in order of first mention. */
  readonly touched: readonly Touched[];
  /** Whether selectors came or went, so that groups of nodes must be made anew. */
  readonly selectorsChanged: boolean;
}

/** A resource that is gone but may be in use by clients that do not know it yet. */
export interface LingeringResource {
  /** As it was. */
  readonly resource: Resource;
  /** The nodes that it was for. */
  readonly selector: NodeSelector;
}

/** The states of all keys. */
export class Catalog {
  /** Types that something else serves beside the catalog: what is not here may be there. */
  readonly elsewhere: ReadonlySet<TypeUrl>;
  readonly #types = new Map<TypeUrl, Map<string, KeyState>>();
  readonly #referrers = new Map<string, Map<string, ResourceKey>>();
  readonly #conditional = new Map<TypeUrl, Map<string, KeyState>>();
  readonly #shared = new Map<TypeUrl, readonly Resource[]>();
  readonly #selectors = new Map<string, { selector: NodeSelector; uses: number }>();
  #lingering: readonly LingeringResource[] = [];

  /** Empty; by default nothing else serves anything. */
  constructor(elsewhere: Iterable<TypeUrl> = []) {
    this.elsewhere = new Set(elsewhere);
  }

  /** Applies the edits in order as one change. */
  apply(edits: readonly CatalogEdit[]): CatalogChange {
    const drafts = new Map<string, { key: ResourceKey; edits: CatalogEdit[] }>();
    for (const edit of edits) {
      const text = keyText(edit.key);
      const draft = drafts.get(text);
      if (draft === undefined) drafts.set(text, { key: edit.key, edits: [edit] });
      else draft.edits.push(edit);
    }
    const touched: Touched[] = [];
    let selectorsChanged = false;
    for (const { key, edits } of drafts.values()) {
      const before = this.state(key);
      const after = edited(key, { before, edits });
      selectorsChanged = this.#replace({ key, before, after }) || selectorsChanged;
      touched.push({ key, before, after });
    }
    return { touched, selectorsChanged };
  }

  /** Takes a change back; only the last one applied may be. */
  revert(change: CatalogChange): void {
    for (const { key, before, after } of change.touched) {
      this.#replace({ key, before: after, after: before });
    }
  }

  /** Returns what is known of a key. */
  state(key: ResourceKey): KeyState | undefined {
    return this.#types.get(key.typeUrl)?.get(key.name);
  }

  /** Returns what nodes of `group` are served for a key. */
  effective(key: ResourceKey, group: SelectorMatch): Resource | undefined {
    return this.state(key)?.effective(group);
  }

  /** Sets what was removed while nobody could be told, for clients that may still use it. */
  setLingering(resources: readonly LingeringResource[]): void {
    this.#lingering = resources;
  }

  /** Returns what lingers of a type for nodes of `group`. */
  lingering(typeUrl: TypeUrl, group: SelectorMatch): readonly Resource[] {
    return this.#lingering
      .filter(({ resource, selector }) => resource.typeUrl === typeUrl && group.matches(selector))
      .map(({ resource }) => resource);
  }

  /** Returns the states of all keys of a type, in the order in which they were born. */
  states(typeUrl: TypeUrl): Iterable<KeyState> {
    return this.#types.get(typeUrl)?.values() ?? [];
  }

  /** Returns the types that have at least one key. */
  typeUrls(): readonly TypeUrl[] {
    return [...this.#types.keys()];
  }

  /** Returns how many keys of a type there are. */
  count(typeUrl: TypeUrl): number {
    return this.#types.get(typeUrl)?.size ?? 0;
  }

  /** Returns the keys of which some variant references `target`. */
  referrers(target: ResourceKey): Iterable<ResourceKey> {
    return this.#referrers.get(keyText(target))?.values() ?? [];
  }

  /**
   * Returns all resources of a type when every node sees the same ones: the same array until one of
   * them changes. Undefined when nodes differ.
   */
  sharedList(typeUrl: TypeUrl): readonly Resource[] | undefined {
    if (this.#conditional.has(typeUrl)) return undefined;
    const known = this.#shared.get(typeUrl);
    if (known !== undefined) return known;
    const list: Resource[] = [];
    for (const state of this.states(typeUrl)) {
      const resource = state.effective(everyGroup);
      if (resource !== undefined) list.push(resource);
    }
    this.#shared.set(typeUrl, list);
    return list;
  }

  /** Returns each selector that some slot or canary uses, without `everyNode`. */
  selectors(): readonly NodeSelector[] {
    return [...this.#selectors.values()].map(({ selector }) => selector);
  }

  #replace({ key, before, after }: Touched): boolean {
    putOrDelete(this.#types, key, after);
    this.#shared.delete(key.typeUrl);
    putOrDelete(this.#conditional, key, after?.conditional ? after : undefined);
    this.#replaceReferences({ key, before, after });
    const counted = countSelectors(after, this.#selectors);
    return uncountSelectors(before, this.#selectors) || counted;
  }

  #replaceReferences({ key, before, after }: Touched): void {
    const source = keyText(key);
    for (const target of before?.references.keys() ?? []) {
      if (after?.references.has(target)) continue;
      const referrers = this.#referrers.get(target);
      referrers?.delete(source);
      if (referrers?.size === 0) this.#referrers.delete(target);
    }
    for (const target of after?.references.keys() ?? []) {
      const referrers = this.#referrers.get(target) ?? new Map<string, ResourceKey>();
      referrers.set(source, key);
      this.#referrers.set(target, referrers);
    }
  }
}

/** Stands for nodes of which nothing is known; good enough where all nodes see the same. */
const everyGroup: SelectorMatch = { matches: (selector) => selector.clauses.length === 0 };

function putOrDelete(
  types: Map<TypeUrl, Map<string, KeyState>>,
  key: ResourceKey,
  state: KeyState | undefined,
): void {
  const names = types.get(key.typeUrl);
  if (state === undefined) {
    if (names?.delete(key.name) && names.size === 0) types.delete(key.typeUrl);
  } else if (names === undefined) types.set(key.typeUrl, new Map([[key.name, state]]));
  else names.set(key.name, state);
}

function edited(
  key: ResourceKey,
  { before, edits }: { before: KeyState | undefined; edits: readonly CatalogEdit[] },
): KeyState | undefined {
  let overlay = before?.overlay;
  const slots = new Map((before?.slots ?? []).map((slot) => [slot.selector.key, slot]));
  for (const edit of edits) {
    if (edit.layer === "overlay") overlay = edit.entry;
    else editSlot(slots, edit);
  }
  const after = new KeyState(key, { slots: [...slots.values()], overlay });
  return after.empty ? undefined : after;
}

function editSlot(slots: Map<string, Slot>, edit: SlotEdit): void {
  const { [edit.layer]: _replaced, ...rest }: Slot = slots.get(edit.selector.key) ??
    { selector: edit.selector };
  const slot: Slot = edit.entry === undefined ? rest : { ...rest, [edit.layer]: edit.entry };
  if (slot.files ?? slot.api ?? slot.pin ?? slot.canary) slots.set(edit.selector.key, slot);
  else slots.delete(edit.selector.key);
}

type SelectorUses = Map<string, { selector: NodeSelector; uses: number }>;

/** Returns whether a selector was seen for the first time. */
function countSelectors(state: KeyState | undefined, counts: SelectorUses): boolean {
  let added = false;
  for (const selector of selectorsOf(state)) {
    const known = counts.get(selector.key);
    if (known === undefined) counts.set(selector.key, { selector, uses: 1 });
    else known.uses++;
    added ||= known === undefined;
  }
  return added;
}

/** Returns whether a selector was seen for the last time. */
function uncountSelectors(state: KeyState | undefined, counts: SelectorUses): boolean {
  let gone = false;
  for (const selector of selectorsOf(state)) {
    const known = counts.get(selector.key);
    if (known === undefined || --known.uses > 0) continue;
    counts.delete(selector.key);
    gone = true;
  }
  return gone;
}

function* selectorsOf(state: KeyState | undefined): Generator<NodeSelector> {
  if (!state?.conditional) return;
  for (const slot of state.slots) {
    if (slot.selector.clauses.length > 0) yield slot.selector;
    if (slot.canary !== undefined) yield slot.canary.audience;
  }
}

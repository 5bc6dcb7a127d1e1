// SPDX-License-Identifier: Apache-2.0
/**
 * What is known of one (type, name): a slot for each node selector it was given with, and in each slot
 * one entry per layer. Decides which of them a node gets. All values here are immutable; a change
 * makes a new state, so that going back is putting the old one back.
 *
 * Within a slot: canary (for its audience) over pin over API over files. Between slots that match a
 * node: higher priority, then the narrower selector, and the slot for every node last.
 * @module
 */
import type { Resource, ResourceKey } from "@denvoy/xds";
import { compareSelectors, type NodeSelector } from "./node_selector.ts";
import { type EndpointOverlay, joinOverlay } from "./endpoint_overlay.ts";

/** Where in a file something was written. */
export interface FilePlace {
  /** The file as the user named it. */
  readonly file: string;
  /** 1-based line; absent when unknown. */
  readonly line?: number;
}

/** A resource read from a file. */
export interface FileEntry {
  /** What the file says. */
  readonly resource: Resource;
  /** Where it says so. */
  readonly place: FilePlace;
}

/** A resource written through the API. */
export interface ApiEntry {
  /** What was written. */
  readonly resource: Resource;
  /** Who wrote it. */
  readonly who: string;
  /** When, in milliseconds since the epoch. */
  readonly atMs: number;
}

/** What a rollback holds in place of a file's content, until that content changes. */
export interface PinEntry {
  /** What is served; absent: the slot is served as if it did not exist. */
  readonly resource?: Resource;
  /** Version of the file's content that the pin covers; absent when no file has the slot. */
  readonly fileVersion?: string;
  /** The revision that was rolled back to. */
  readonly revision: number;
}

/** A change that only some nodes see yet. */
export interface CanaryEntry {
  /** The rollout that it belongs to. */
  readonly rollout: string;
  /** The nodes that see it. */
  readonly audience: NodeSelector;
  /** What they see; absent: what they would see were the API entry deleted. */
  readonly resource?: Resource;
}

/** The layers of a slot, lowest first. */
export interface SlotLayers {
  /** From `--resources`. */
  readonly files?: FileEntry;
  /** From the HTTP API. */
  readonly api?: ApiEntry;
  /** From a rollback. */
  readonly pin?: PinEntry;
  /** From a rollout that is under way. */
  readonly canary?: CanaryEntry;
}

/** Names a slot. */
export interface SlotRef {
  /** The resource. */
  readonly key: ResourceKey;
  /** The nodes that it is for. */
  readonly selector: NodeSelector;
}

/** Returns the text that names a slot in maps. */
export function slotText({ key, selector }: SlotRef): string {
  return `${keyText(key)} ${selector.key}`;
}

/** Everything written for one (type, name, selector). */
export interface Slot extends SlotLayers {
  /** The nodes that it is for. */
  readonly selector: NodeSelector;
}

/** Tells which selectors a group of nodes matches. */
export interface SelectorMatch {
  /** Whether the nodes match; always true for `everyNode`. */
  matches(selector: NodeSelector): boolean;
}

/** The layer that a served resource comes from. */
export type SlotOwner = "files" | "api" | "pin";

/** What a slot serves once no rollout is under way. */
export interface Settled {
  /** The resource; absent when a pin hides the slot. */
  readonly resource?: Resource;
  /** The layer that decides. */
  readonly owner: SlotOwner;
}

/** Returns what the slot serves apart from canaries; undefined when nothing but a canary is there. */
export function settled(slot: SlotLayers): Settled | undefined {
  if (slot.pin) return { ...withResource(slot.pin.resource), owner: "pin" };
  if (slot.api) return { resource: slot.api.resource, owner: "api" };
  if (slot.files) return { resource: slot.files.resource, owner: "files" };
  return undefined;
}

/** All slots of one (type, name), and the endpoints registered to it when it is a load assignment. */
export class KeyState implements ResourceKey {
  /** Type of all entries. */
  readonly typeUrl: string;
  /** Name of all entries. */
  readonly name: string;
  /** Slots, the one that counts first before the others. */
  readonly slots: readonly Slot[];
  /** What is joined with whatever load assignment is served. */
  readonly overlay: EndpointOverlay | undefined;
  /** Whether groups of nodes may see different resources. */
  readonly conditional: boolean;
  readonly #plain: Resource | undefined;
  #joined: Map<string, Resource | undefined> | undefined;
  #references: ReadonlyMap<string, ResourceKey> | undefined;

  /** `slots` in any order; none may be without an entry. */
  constructor(
    key: ResourceKey,
    content: { slots: readonly Slot[]; overlay?: EndpointOverlay | undefined },
  ) {
    this.typeUrl = key.typeUrl;
    this.name = key.name;
    this.slots = content.slots.toSorted((a, b) => compareSelectors(a.selector, b.selector));
    this.overlay = content.overlay;
    this.conditional = this.slots.some((slot) =>
      slot.canary !== undefined || slot.selector.clauses.length > 0
    );
    this.#plain = this.conditional ? undefined : this.#join(this.#settledFirst());
  }

  /** Whether nothing at all is known of the key. */
  get empty(): boolean {
    return this.slots.length === 0 && this.overlay === undefined;
  }

  /** Returns what nodes of `group` are served; undefined when the resource does not exist for them. */
  effective(group: SelectorMatch): Resource | undefined {
    if (!this.conditional) return this.#plain;
    for (const slot of this.slots) {
      if (!group.matches(slot.selector)) continue;
      const resource = served(slot, group);
      if (resource !== undefined) return this.#join(resource);
    }
    return this.#join(undefined);
  }

  /** Returns the slot of a selector. */
  slot(selector: NodeSelector): Slot | undefined {
    return this.slots.find((slot) => slot.selector.key === selector.key);
  }

  /** Every distinct resource that some node may be served, canaries too, without overlays. */
  *variants(): Generator<Resource> {
    for (const slot of this.slots) {
      const resource = settled(slot)?.resource;
      if (resource !== undefined) yield resource;
      if (slot.canary?.resource !== undefined) yield slot.canary.resource;
    }
  }

  /**
   * Returns the version of what was joined with the overlay to give `version`; `version` itself for
   * anything else. ACKs name what was sent, rollouts what was written.
   */
  baseVersion(version: string): string {
    for (const [base, joined] of this.#joined ?? []) if (joined?.version === version) return base;
    return version;
  }

  /** Whether some node is served something, rollouts aside. */
  get served(): boolean {
    return (this.overlay?.endpoints.length ?? 0) > 0 ||
      this.slots.some((slot) => settled(slot)?.resource !== undefined);
  }

  /** What any of the variants names, by `<type URL> <name>`. */
  get references(): ReadonlyMap<string, ResourceKey> {
    this.#references ??= collectReferences(this.variants());
    return this.#references;
  }

  #settledFirst(): Resource | undefined {
    const [slot] = this.slots;
    return slot === undefined ? undefined : settled(slot)?.resource;
  }

  #join(resource: Resource | undefined): Resource | undefined {
    if (this.overlay === undefined) return resource;
    const key = resource?.version ?? "";
    if (this.#joined?.has(key)) return this.#joined.get(key);
    const joined = joinOverlay(this.overlay, resource);
    this.#joined ??= new Map();
    this.#joined.set(key, joined);
    return joined;
  }
}

/** Returns the text that names a resource key in maps. */
export function keyText(key: ResourceKey): string {
  return `${key.typeUrl} ${key.name}`;
}

function served(slot: Slot, group: SelectorMatch): Resource | undefined {
  if (slot.canary !== undefined && group.matches(slot.canary.audience)) {
    return slot.canary.resource ?? slot.files?.resource;
  }
  return settled(slot)?.resource;
}

function collectReferences(variants: Iterable<Resource>): ReadonlyMap<string, ResourceKey> {
  const references = new Map<string, ResourceKey>();
  for (const variant of variants) {
    for (const reference of variant.references) references.set(keyText(reference), reference);
  }
  return references;
}

function withResource(resource: Resource | undefined): { resource?: Resource } {
  return resource === undefined ? {} : { resource };
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What the nodes of one view said about each version of each resource, and what follows for the
 * others: a version that was rejected by some and accepted by none is not spread further while an
 * accepted one is known.
 * @module
 */
import type { Resource, ResourceKey, TypeUrl } from "./resource.ts";

/** The part of the book that a stream reads. */
export interface Verdicts {
  /** Returns what to send instead of a rejected version; `undefined` if `resource` is fine. */
  substitute(resource: Resource): Resource | undefined;
  /** Returns the newest content of this resource that some node accepted. */
  lastAccepted(key: ResourceKey): Resource | undefined;
  /** Returns `list` with rejected versions replaced; the same array for the same list. */
  served(typeUrl: TypeUrl, list: readonly Resource[]): readonly Resource[];
  /**
   * Tells whether a node may have used a part of a response that it rejected: then the version that
   * it names does not tell what it has.
   */
  wasEverRejected(typeUrl: TypeUrl): boolean;
}

/** One rejected version, as the first node that rejected it put it. */
export interface Rejection {
  /** The version. */
  readonly version: string;
  /** google.rpc.Code of the NACK. */
  readonly code: number;
  /** The words of the client. */
  readonly message: string;
  /** When the first NACK arrived (the clock of the events). */
  readonly firstMs: number;
  /** How many streams rejected it. */
  readonly count: number;
}

/** Bounds and switches of a {@linkcode VerdictBook}. */
export interface VerdictBookOptions {
  /** Rejected versions give way to the last accepted content. @default true */
  readonly rollback?: boolean;
  /** Rejected versions remembered for each resource. @default 8 */
  readonly maxVersions?: number;
}

interface Entry {
  accepted: Resource | undefined;
  /** Oldest first. */
  rejections: Rejection[];
}

interface ServedList {
  readonly list: readonly Resource[];
  readonly revision: number;
  readonly served: readonly Resource[];
}

/** The verdicts of all nodes that share a view. */
export class VerdictBook implements Verdicts {
  readonly #rollback: boolean;
  readonly #maxVersions: number;
  readonly #types = new Map<TypeUrl, Map<string, Entry>>();
  readonly #served = new Map<TypeUrl, ServedList>();
  readonly #seen = new WeakMap<readonly Resource[], number>();
  /** Names with rejections by type: most of the time there are none, and nothing is looked up. */
  readonly #rejected = new Map<TypeUrl, Set<string>>();
  readonly #everRejected = new Set<TypeUrl>();
  /** Grows whenever an accepted or rejected version changes. */
  #revision = 0;

  /** An empty book. */
  constructor(options: VerdictBookOptions = {}) {
    this.#rollback = options.rollback ?? true;
    this.#maxVersions = options.maxVersions ?? 8;
  }

  /** See {@linkcode Verdicts.substitute}. */
  substitute(resource: Resource): Resource | undefined {
    if (!this.#rollback || !this.#isRejected(resource)) return undefined;
    const accepted = this.lastAccepted(resource);
    return accepted?.version === resource.version ? undefined : accepted;
  }

  /** See {@linkcode Verdicts.lastAccepted}. */
  lastAccepted(key: ResourceKey): Resource | undefined {
    return this.#types.get(key.typeUrl)?.get(key.name)?.accepted;
  }

  /** See {@linkcode Verdicts.served}. */
  served(typeUrl: TypeUrl, list: readonly Resource[]): readonly Resource[] {
    if (!this.#rollback || !this.#rejected.has(typeUrl)) return list;
    const known = this.#served.get(typeUrl);
    if (known?.list === list && known.revision === this.#revision) return known.served;
    const served = list.map((resource) => this.substitute(resource) ?? resource);
    this.#served.set(typeUrl, { list, revision: this.#revision, served });
    return served;
  }

  /** See {@linkcode Verdicts.wasEverRejected}. */
  wasEverRejected(typeUrl: TypeUrl): boolean {
    return this.#everRejected.has(typeUrl);
  }

  /** Records that a response of this type was rejected, whatever in it was the cause. */
  noteNack(typeUrl: TypeUrl): void {
    this.#everRejected.add(typeUrl);
  }

  /** Returns the rejections of a resource that are remembered, oldest first. */
  rejections(key: ResourceKey): readonly Rejection[] {
    return this.#types.get(key.typeUrl)?.get(key.name)?.rejections ?? [];
  }

  /** Returns all resources that have remembered rejections. */
  rejectedKeys(): readonly ResourceKey[] {
    return [...this.#rejected].flatMap(([typeUrl, names]) =>
      [...names].map((name) => ({ typeUrl, name }))
    );
  }

  /**
   * Records that a node accepted these resources. Returns the keys whose version was held back
   * until now. A late ACK of what is no longer current does not displace a newer accepted version.
   * Costs nothing when the same array was accepted before and nothing changed since.
   */
  accept(
    resources: readonly Resource[],
    isCurrent: (resource: Resource) => boolean,
  ): readonly ResourceKey[] {
    if (this.#seen.get(resources) === this.#revision) return [];
    const released: ResourceKey[] = [];
    let late = false;
    for (const resource of resources) {
      const accepted = this.lastAccepted(resource);
      if (accepted?.version === resource.version) continue;
      if (accepted !== undefined && !isCurrent(resource)) late = true;
      else if (this.#accept(resource)) released.push(resource);
    }
    if (!late) this.#seen.set(resources, this.#revision);
    return released;
  }

  /** Records that a node rejected this resource; tells whether others are to get another one now. */
  reject(resource: Resource, options: {
    readonly code: number;
    readonly message: string;
    readonly nowMs: number;
  }): boolean {
    const entry = this.#entry(resource);
    if (entry.accepted?.version === resource.version) return false;
    const known = entry.rejections.find(({ version }) => version === resource.version);
    entry.rejections = [
      ...entry.rejections.filter((rejection) => rejection !== known),
      {
        version: resource.version,
        code: options.code,
        message: options.message,
        firstMs: known?.firstMs ?? options.nowMs,
        count: (known?.count ?? 0) + 1,
      },
    ].slice(-this.#maxVersions);
    let names = this.#rejected.get(resource.typeUrl);
    if (names === undefined) this.#rejected.set(resource.typeUrl, names = new Set());
    names.add(resource.name);
    this.#revision++;
    return known === undefined && entry.accepted !== undefined;
  }

  /** Forgets the rejections of a resource, so that it is tried again; tells whether there were any. */
  clear(key: ResourceKey): boolean {
    const entry = this.#types.get(key.typeUrl)?.get(key.name);
    if (entry === undefined || entry.rejections.length === 0) return false;
    entry.rejections = [];
    this.#unmark(key);
    this.#revision++;
    return true;
  }

  /** Forgets everything about a resource that is gone from the view. */
  forget(key: ResourceKey): void {
    if (!this.#types.get(key.typeUrl)?.delete(key.name)) return;
    this.#unmark(key);
    this.#revision++;
  }

  #accept(resource: Resource): boolean {
    const entry = this.#entry(resource);
    const held = this.#rollback && entry.accepted !== undefined && this.#isRejected(resource);
    entry.accepted = resource;
    entry.rejections = entry.rejections.filter(({ version }) => version !== resource.version);
    if (entry.rejections.length === 0) this.#unmark(resource);
    this.#revision++;
    return held;
  }

  #isRejected(resource: Resource): boolean {
    if (!this.#rejected.get(resource.typeUrl)?.has(resource.name)) return false;
    return this.rejections(resource).some(({ version }) => version === resource.version);
  }

  #unmark(key: ResourceKey): void {
    const names = this.#rejected.get(key.typeUrl);
    if (names?.delete(key.name) && names.size === 0) this.#rejected.delete(key.typeUrl);
  }

  #entry(key: ResourceKey): Entry {
    let names = this.#types.get(key.typeUrl);
    if (names === undefined) this.#types.set(key.typeUrl, names = new Map());
    let entry = names.get(key.name);
    if (entry === undefined) names.set(key.name, entry = { accepted: undefined, rejections: [] });
    return entry;
  }
}

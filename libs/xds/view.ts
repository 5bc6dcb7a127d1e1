// SPDX-License-Identifier: Apache-2.0
/**
 * What one group of nodes sees: the port through which streams read resources, and its simple
 * implementation in memory.
 * @module
 */
import type { StatusCode } from "@denvoy/base";
import type { Resource, ResourceKey, TypeUrl } from "./resource.ts";

/** Why a name cannot be served. */
export interface Refusal {
  /** NOT_FOUND or PERMISSION_DENIED. */
  readonly code: StatusCode;
  /** For the client: lower-case, no full stop, no secrets. */
  readonly message: string;
}

/**
 * The resources that a group of nodes sees at this moment. Reads are synchronous; whoever changes
 * it tells the hub which keys changed, after the change.
 */
export interface ResourceView {
  /** Returns the resource of this name. */
  get(typeUrl: TypeUrl, name: string): Resource | undefined;
  /** Returns all resources of a type: the same array until one of them changes, never mutated. */
  list(typeUrl: TypeUrl): readonly Resource[];
  /** Returns the resources whose names start with `prefix` (a glob collection). */
  withPrefix(typeUrl: TypeUrl, prefix: string): Iterable<Resource>;
  /**
   * Returns what a named resource that does not exist is answered with, e.g. an empty
   * ClusterLoadAssignment for a cluster that the view has; the same object while it is the same.
   */
  placeholder?(typeUrl: TypeUrl, name: string): Resource | undefined;
  /**
   * Returns resources of a type that were removed while nobody could be told, e.g. while the server
   * was down. A SotW client that comes back may still route to them: it keeps them until what used
   * them has moved on.
   */
  lingering?(typeUrl: TypeUrl): readonly Resource[];
  /** Tells why a name is not served; NOT_FOUND when it does not say. */
  refusal?(typeUrl: TypeUrl, name: string): Refusal | undefined;
}

/** One write to a {@linkcode MemoryView}. */
export type ResourceChange =
  | { readonly kind: "put"; readonly resource: Resource }
  | { readonly kind: "delete"; readonly key: ResourceKey };

/** Optional answers of a {@linkcode MemoryView}. */
export type MemoryViewOptions = Pick<ResourceView, "placeholder" | "refusal" | "lingering">;

const NOTHING: readonly Resource[] = [];

/** A view that holds its resources itself. */
export class MemoryView implements ResourceView {
  readonly #types = new Map<TypeUrl, Map<string, Resource>>();
  readonly #lists = new Map<TypeUrl, readonly Resource[]>();
  readonly #options: MemoryViewOptions;

  /** An empty view. */
  constructor(options: MemoryViewOptions = {}) {
    this.#options = options;
  }

  /** See {@linkcode ResourceView.get}. */
  get(typeUrl: TypeUrl, name: string): Resource | undefined {
    return this.#types.get(typeUrl)?.get(name);
  }

  /** See {@linkcode ResourceView.list}. */
  list(typeUrl: TypeUrl): readonly Resource[] {
    const known = this.#lists.get(typeUrl);
    if (known !== undefined) return known;
    const resources = this.#types.get(typeUrl);
    if (resources === undefined) return NOTHING;
    const made = [...resources.values()];
    this.#lists.set(typeUrl, made);
    return made;
  }

  /** See {@linkcode ResourceView.withPrefix}. */
  withPrefix(typeUrl: TypeUrl, prefix: string): Iterable<Resource> {
    return this.list(typeUrl).filter((resource) => resource.name.startsWith(prefix));
  }

  /** See {@linkcode ResourceView.placeholder}. */
  placeholder(typeUrl: TypeUrl, name: string): Resource | undefined {
    return this.#options.placeholder?.(typeUrl, name);
  }

  /** See {@linkcode ResourceView.lingering}. */
  lingering(typeUrl: TypeUrl): readonly Resource[] {
    return this.#options.lingering?.(typeUrl) ?? NOTHING;
  }

  /** See {@linkcode ResourceView.refusal}. */
  refusal(typeUrl: TypeUrl, name: string): Refusal | undefined {
    return this.#options.refusal?.(typeUrl, name);
  }

  /** Returns the types that have at least one resource. */
  typeUrls(): readonly TypeUrl[] {
    return [...this.#types.keys()];
  }

  /** Writes all changes and returns the keys whose content differs now, for the hub. */
  apply(changes: Iterable<ResourceChange>): readonly ResourceKey[] {
    const changed: ResourceKey[] = [];
    for (const change of changes) {
      const key = change.kind === "put" ? change.resource : change.key;
      const differs = change.kind === "put" ? this.#put(change.resource) : this.#delete(key);
      if (!differs) continue;
      this.#lists.delete(key.typeUrl);
      changed.push({ typeUrl: key.typeUrl, name: key.name });
    }
    return changed;
  }

  #put(resource: Resource): boolean {
    let resources = this.#types.get(resource.typeUrl);
    if (resources === undefined) this.#types.set(resource.typeUrl, resources = new Map());
    if (resources.get(resource.name)?.version === resource.version) return false;
    resources.set(resource.name, resource);
    return true;
  }

  #delete(key: ResourceKey): boolean {
    const resources = this.#types.get(key.typeUrl);
    if (resources === undefined || !resources.delete(key.name)) return false;
    if (resources.size === 0) this.#types.delete(key.typeUrl);
    return true;
  }
}

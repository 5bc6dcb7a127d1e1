// SPDX-License-Identifier: Apache-2.0
/**
 * Who wants to know of which key: finds the streams that a change concerns without looking at any
 * other.
 * @module
 */
import type { ResourceKey, TypeUrl } from "./resource.ts";
import { collectionsOf, globPrefix, WILDCARD } from "./subscription.ts";

interface TypeInterest<S> {
  readonly wildcard: Set<S>;
  readonly names: Map<string, Set<S>>;
  readonly prefixes: Map<string, Set<S>>;
}

/** Maps keys to the streams that watch them. */
export class InterestIndex<S> {
  readonly #types = new Map<TypeUrl, TypeInterest<S>>();

  /** Adds a stream under each name: `*` is all names, `x/*` all that start with `x/`. */
  watch(stream: S, typeUrl: TypeUrl, names: Iterable<string>): void {
    let type = this.#types.get(typeUrl);
    if (type === undefined) {
      type = { wildcard: new Set(), names: new Map(), prefixes: new Map() };
      this.#types.set(typeUrl, type);
    }
    for (const name of names) {
      if (name === WILDCARD) type.wildcard.add(stream);
      else add(type.names, name, stream);
      const prefix = globPrefix(name);
      if (prefix !== undefined) add(type.prefixes, prefix, stream);
    }
  }

  /** Takes back {@linkcode watch}; names that were not watched are ignored. */
  unwatch(stream: S, typeUrl: TypeUrl, names: Iterable<string>): void {
    const type = this.#types.get(typeUrl);
    if (type === undefined) return;
    for (const name of names) {
      if (name === WILDCARD) type.wildcard.delete(stream);
      else remove(type.names, name, stream);
      const prefix = globPrefix(name);
      if (prefix !== undefined) remove(type.prefixes, prefix, stream);
    }
    if (type.wildcard.size + type.names.size + type.prefixes.size === 0) {
      this.#types.delete(typeUrl);
    }
  }

  /** Calls `visit` for each stream that wants a key; more than once if for more than one reason. */
  visit(key: ResourceKey, visit: (stream: S) => void): void {
    const type = this.#types.get(key.typeUrl);
    if (type === undefined) return;
    for (const stream of type.wildcard) visit(stream);
    for (const stream of type.names.get(key.name) ?? []) visit(stream);
    if (type.prefixes.size === 0) return;
    for (const prefix of collectionsOf(key.name)) {
      for (const stream of type.prefixes.get(prefix) ?? []) visit(stream);
    }
  }

  /** Tells whether nobody watches anything. */
  get isEmpty(): boolean {
    return this.#types.size === 0;
  }
}

function add<S>(map: Map<string, Set<S>>, key: string, stream: S): void {
  const streams = map.get(key);
  if (streams === undefined) map.set(key, new Set([stream]));
  else streams.add(stream);
}

function remove<S>(map: Map<string, Set<S>>, key: string, stream: S): void {
  const streams = map.get(key);
  if (streams?.delete(stream) && streams.size === 0) map.delete(key);
}

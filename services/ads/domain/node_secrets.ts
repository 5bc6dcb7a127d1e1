// SPDX-License-Identifier: Apache-2.0
/**
 * The secrets of one node: those of the catalog that its view has, and those that were got for it
 * alone. The latter are kept here for as long as its stream lasts, and nowhere else.
 * @module
 */
import {
  contentVersion,
  type Resource,
  type ResourceKey,
  type ResourceView,
  type TypeUrl,
} from "@denvoy/xds";
import { SECRET } from "./resource_types.ts";

/** A secret that was got for a node. */
export interface NodeSecret {
  /** Its name. */
  readonly name: string;
  /** Its version where it came from; empty if it has none there. */
  readonly version: string;
  /** The Secret in proto wire form. */
  readonly value: Uint8Array;
}

/** Who gets secrets for one node. */
export interface NodeSecretListener {
  /** Secrets came and went. */
  changed(change: NodeSecretChange): void;
  /** There is an answer to these names now, whatever it is. */
  answered(names: readonly string[]): void;
  /** The source can be reached, or why it cannot. */
  connection(failure: string | undefined): void;
}

/** What came and went. */
export interface NodeSecretChange {
  /** New and changed secrets. */
  readonly put: readonly NodeSecret[];
  /** Names of those that are gone. */
  readonly removed: readonly string[];
}

/** Where the secrets of one node come from. */
export interface NodeSecretSource {
  /** Asks for these secrets, and for no others, from now on. */
  setNames(names: readonly string[]): void;
  /** Asks for nothing any more. */
  close(): void;
}

const NOTHING: readonly Resource[] = [];

/** What one node sees of secrets. They are had by name only: nobody is told which there are. */
export class NodeSecrets implements ResourceView {
  readonly #own: () => ResourceView;
  readonly #secrets = new Map<string, Resource>();

  /** `own` returns what the node sees of the catalog now; its secrets come first. */
  constructor(own: () => ResourceView) {
    this.#own = own;
  }

  /** See {@linkcode ResourceView.get}. */
  get(typeUrl: TypeUrl, name: string): Resource | undefined {
    if (typeUrl !== SECRET) return undefined;
    return this.#own().get(SECRET, name) ?? this.#secrets.get(name);
  }

  /** See {@linkcode ResourceView.list}: nothing. */
  list(): readonly Resource[] {
    return NOTHING;
  }

  /** See {@linkcode ResourceView.withPrefix}: nothing. */
  withPrefix(): Iterable<Resource> {
    return NOTHING;
  }

  /** Tells whether the catalog has a secret of this name for the node. */
  isOwn(name: string): boolean {
    return this.#own().get(SECRET, name) !== undefined;
  }

  /** Takes over secrets that came and went; returns the keys of those that differ now. */
  apply({ put, removed }: NodeSecretChange): readonly ResourceKey[] {
    const names = new Set<string>();
    for (const { name, version, value } of put) {
      const content = { typeUrl: SECRET, value };
      const next = { ...content, name, version: version || contentVersion(content) };
      if (this.#secrets.get(name)?.version === next.version) continue;
      this.#secrets.set(name, { ...next, references: [] });
      names.add(name);
    }
    for (const name of removed) if (this.#secrets.delete(name)) names.add(name);
    return [...names].filter((name) => !this.isOwn(name)).map(secretKey);
  }

  /** Forgets secrets that the node no longer asks for. */
  retain(names: ReadonlySet<string>): void {
    for (const name of this.#secrets.keys()) if (!names.has(name)) this.#secrets.delete(name);
  }
}

/** Returns the key of a secret. */
export function secretKey(name: string): ResourceKey {
  return { typeUrl: SECRET, name };
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The secrets that have a name of their own, from wherever they come. Only what passed all checks is
 * in it, and what replaces it did, too.
 * @module
 */
import type { Resource } from "@denvoy/xds";
import type { CheckedSecret } from "./secret_facts.ts";
import { secretResource } from "./secret_resource.ts";

/** Where a secret came from; of one name the first in this order is served. */
export type SecretSource = "files" | "api" | "ca";

/** A secret as it is served. */
export interface ServedSecret {
  /** Its name. */
  readonly name: string;
  /** Where it came from. */
  readonly source: SecretSource;
  /** What may be told of it, beside the secret itself. */
  readonly checked: CheckedSecret;
  /** What Envoys are sent. */
  readonly resource: Resource;
  /** Since when it is served, in milliseconds since the epoch. */
  readonly sinceMs: number;
}

const ORDER: readonly SecretSource[] = ["files", "api", "ca"];

/** All named secrets. */
export class SecretBook {
  readonly #secrets = new Map<SecretSource, Map<string, ServedSecret>>();
  readonly #listeners = new Set<(names: readonly string[]) => void>();

  /** Returns the secret that is served by this name. */
  get(name: string): ServedSecret | undefined {
    for (const source of ORDER) {
      const found = this.#secrets.get(source)?.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Returns all secrets, by name. */
  list(): readonly ServedSecret[] {
    const names = new Set([...this.#secrets.values()].flatMap((secrets) => [...secrets.keys()]));
    return [...names].sort().flatMap((name) => this.get(name) ?? []);
  }

  /** Returns the names of one source. */
  namesOf(source: SecretSource): readonly string[] {
    return [...this.#secrets.get(source)?.keys() ?? []];
  }

  /** Adds or replaces secrets and takes others out, then tells whose content differs. */
  change(source: SecretSource, change: {
    /** Added or replaced. */
    readonly put?: Iterable<readonly [name: string, checked: CheckedSecret]>;
    /** Taken out. */
    readonly remove?: Iterable<string>;
    /** The present. */
    readonly nowMs: number;
  }): readonly string[] {
    const secrets = this.#of(source);
    const changed = new Set<string>();
    for (const name of change.remove ?? []) if (secrets.delete(name)) changed.add(name);
    for (const [name, checked] of change.put ?? []) {
      const resource = secretResource(name, checked.material);
      const known = secrets.get(name);
      const isSame = known?.resource.version === resource.version;
      if (!isSame) changed.add(name);
      secrets.set(
        name,
        isSame ? { ...known, checked } : { name, source, checked, resource, sinceMs: change.nowMs },
      );
    }
    if (changed.size > 0) { for (const listener of this.#listeners) listener([...changed]); }
    return [...changed];
  }

  /** Calls `listener` with the names of secrets that changed, until the returned function is called. */
  subscribe(listener: (names: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #of(source: SecretSource): Map<string, ServedSecret> {
    const known = this.#secrets.get(source);
    if (known !== undefined) return known;
    const made = new Map<string, ServedSecret>();
    this.#secrets.set(source, made);
    return made;
  }
}

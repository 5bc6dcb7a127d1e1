// SPDX-License-Identifier: Apache-2.0
/**
 * What a client asks for of one type on one stream: everything, names, collections, or nothing
 * (xds_protocol "How the client specifies what resources to return").
 * @module
 */

/** The name that stands for everything. */
export const WILDCARD = "*";

/** What a request changed in a subscription. */
export interface SubscriptionChange {
  /** Names that are listed now and were not, or that a Delta client lists again. */
  readonly asked: readonly string[];
  /** Names that were listed and are no longer. */
  readonly dropped: readonly string[];
  /** Everything is asked for from now on. */
  readonly wildcardStarted: boolean;
  /** Everything was asked for until now. */
  readonly wildcardEnded: boolean;
}

/** Lists of names in one request. */
export interface SubscriptionUpdate {
  /** Names to add. */
  readonly subscribe: readonly string[];
  /** Names to take away; a name that is in both lists stays. */
  readonly unsubscribe: readonly string[];
}

/**
 * Returns the prefix that a glob collection stands for (`xdstp://authority/type/collection/*`, or
 * any name that ends in a slash and an asterisk), or `undefined` for an ordinary name.
 */
export function globPrefix(name: string): string | undefined {
  return name.endsWith("/*") ? name.slice(0, -1) : undefined;
}

/** Returns the prefixes of the glob collections that a name is in: `a/`, `a/b/` of `a/b/c`. */
export function collectionsOf(name: string): readonly string[] {
  const prefixes: string[] = [];
  for (let slash = name.indexOf("/"); slash >= 0; slash = name.indexOf("/", slash + 1)) {
    prefixes.push(name.slice(0, slash + 1));
  }
  return prefixes;
}

/** The names of one type that a stream subscribes to. */
export class Subscription {
  #names = new Set<string>();
  #prefixes: Set<string> | undefined;
  #wildcard = false;
  #everNamed = false;
  #characters = 0;
  readonly #intern: (name: string) => string;

  /**
   * An empty subscription. `intern` returns an equal string that is kept elsewhere anyway, so that
   * a thousand streams do not keep a thousand copies of each name.
   */
  constructor(intern: (name: string) => string = (name) => name) {
    this.#intern = intern;
  }

  /** Everything is subscribed to, because the client said `*` or never named anything. */
  get wildcard(): boolean {
    return this.#wildcard;
  }

  /** Nothing is subscribed to. */
  get isEmpty(): boolean {
    return !this.#wildcard && this.#names.size === 0;
  }

  /** Names and globs, without the wildcard. */
  get names(): ReadonlySet<string> {
    return this.#names;
  }

  /** The prefixes of subscribed glob collections. */
  get prefixes(): Iterable<string> {
    return this.#prefixes ?? [];
  }

  /** Sum of the lengths of all names: what bounds the memory of a subscription. */
  get characters(): number {
    return this.#characters;
  }

  /** Tells whether the client itself listed this name. */
  lists(name: string): boolean {
    return this.#names.has(name);
  }

  /** Tells whether a resource of this name belongs to the subscription. */
  wants(name: string): boolean {
    return this.#wildcard || this.#names.has(name) || this.#inGlob(name);
  }

  /** Tells whether everything is asked for and nothing is named beside it. */
  get isPureWildcard(): boolean {
    return this.#wildcard && this.#names.size === 0;
  }

  /**
   * Takes the names of a SotW request, which replace those before. A list of no names means
   * everything when `legacyWildcard` and nothing was ever named.
   */
  replace(names: readonly string[], legacyWildcard: boolean): SubscriptionChange | undefined {
    if (this.#isSame(names)) return undefined;
    const listed = new Set(names);
    const wildcard = listed.delete(WILDCARD) ||
      names.length === 0 && legacyWildcard && !this.#everNamed;
    const asked = [...listed].filter((name) => !this.#names.has(name)).map(this.#intern);
    const dropped = [...this.#names].filter((name) => !listed.has(name));
    if (names.length > 0) this.#everNamed = true;
    return this.#change({ asked, dropped, wildcard });
  }

  /**
   * Takes the lists of a Delta request, which add to and take from those before. Two empty lists
   * mean everything when `legacyWildcard` and nothing was ever named.
   */
  update(update: SubscriptionUpdate, legacyWildcard: boolean): SubscriptionChange {
    const asked = new Set(update.subscribe);
    const dropped = new Set(update.unsubscribe);
    let wildcard = this.#wildcard && !dropped.delete(WILDCARD);
    if (asked.delete(WILDCARD)) wildcard = true;
    if (update.subscribe.length > 0 || update.unsubscribe.length > 0) this.#everNamed = true;
    else if (legacyWildcard && !this.#everNamed) wildcard = true;
    return this.#change({
      asked: [...asked].map(this.#intern),
      dropped: [...dropped].filter((name) => this.#names.has(name) && !asked.has(name)),
      wildcard,
    });
  }

  #change(next: {
    readonly asked: readonly string[];
    readonly dropped: readonly string[];
    readonly wildcard: boolean;
  }): SubscriptionChange {
    for (const name of next.dropped) this.#drop(name);
    for (const name of next.asked) this.#add(name);
    const before = this.#wildcard;
    this.#wildcard = next.wildcard;
    return {
      asked: next.asked,
      dropped: next.dropped,
      wildcardStarted: next.wildcard && !before,
      wildcardEnded: before && !next.wildcard,
    };
  }

  #add(name: string): void {
    if (this.#names.has(name)) return;
    this.#names.add(name);
    this.#characters += name.length;
    const prefix = globPrefix(name);
    if (prefix !== undefined) (this.#prefixes ??= new Set()).add(prefix);
  }

  #drop(name: string): void {
    this.#names.delete(name);
    this.#characters -= name.length;
    this.#prefixes?.delete(globPrefix(name) ?? name);
  }

  #inGlob(name: string): boolean {
    const prefixes = this.#prefixes;
    if (prefixes === undefined || prefixes.size === 0) return false;
    return collectionsOf(name).some((prefix) => prefixes.has(prefix));
  }

  /**
   * The usual ACK lists what the request before it listed: answered without building anything. The
   * count of characters catches a list with duplicates.
   */
  #isSame(names: readonly string[]): boolean {
    if (!this.#everNamed || this.#wildcard || names.length !== this.#names.size) return false;
    let characters = 0;
    for (const name of names) {
      if (!this.#names.has(name)) return false;
      characters += name.length;
    }
    return characters === this.#characters;
  }
}

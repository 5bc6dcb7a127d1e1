// SPDX-License-Identifier: Apache-2.0
/**
 * The last step of every change: views follow the catalog, and those who push are told what changed.
 * What others want to do in answer to that waits until it is done.
 * @module
 */
import type { Catalog, CatalogChange } from "./catalog.ts";
import type { NodeViews, ViewChange } from "./node_views.ts";

/** Told of each change after the catalog and all views are in order. */
export type ViewListener = (changes: readonly ViewChange[]) => void;

/** Makes changes visible. */
export class Publisher {
  /** What is published. */
  readonly catalog: Catalog;
  /** Through what nodes see it. */
  readonly views: NodeViews;
  readonly #listeners = new Set<ViewListener>();
  readonly #waiting: (() => void)[] = [];
  #busy = false;

  /** Publishes `catalog` to `views`. */
  constructor(catalog: Catalog, views: NodeViews) {
    this.catalog = catalog;
    this.views = views;
  }

  /** Calls `listener` with the views of each change until the returned function is called. */
  listen(listener: ViewListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Shows a change that was applied to the catalog. */
  publish(change: CatalogChange): void {
    this.#busy = true;
    try {
      const changes = this.views.follow(change);
      if (changes.length > 0) { for (const listener of this.#listeners) listener(changes); }
    } finally {
      this.#busy = false;
    }
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next();
  }

  /** Runs `action` now, or once the change that is being shown is through. */
  whenIdle(action: () => void): void {
    if (this.#busy) this.#waiting.push(action);
    else action();
  }
}

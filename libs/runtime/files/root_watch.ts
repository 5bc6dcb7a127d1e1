// SPDX-License-Identifier: Apache-2.0
/**
 * Watches one root, a file or folder tree, by the system's notifications: says which paths may have
 * changed. Notifications are hints: they get lost, so whoever uses this also polls.
 * @module
 */
import { identityOf, statOrUndefined } from "./file_signatures.ts";

/** What a notification means. */
export interface RootEvents {
  /** This path (as the user would name it) was touched. */
  touched(path: string): void;
  /** Anything may have changed. */
  unclear(): void;
  /** The root itself came, went or was replaced. */
  replaced(): void;
}

/** The notifications of one root. */
export class RootWatch {
  readonly #root: string;
  readonly #events: RootEvents;
  #parent: Deno.FsWatcher | undefined;
  #tree: Deno.FsWatcher | undefined;
  #treeIdentity: string | undefined;
  readonly #loops = new Set<Promise<void>>();

  /** Call {@linkcode refresh} to begin. */
  constructor(root: string, events: RootEvents) {
    this.#root = root.length > 1 ? root.replace(/\/+$/, "") : root;
    this.#events = events;
  }

  /** Watches what is there now; `force` also when it looks the same as before. */
  async refresh(force = false): Promise<void> {
    this.#parent ??= this.#watchParent();
    const info = await statOrUndefined(this.#root);
    const identity = info?.isDirectory ? identityOf(info) : undefined;
    if (!force && identity === this.#treeIdentity) return;
    closeQuietly(this.#tree);
    this.#treeIdentity = identity;
    this.#tree = identity === undefined ? undefined : this.#watchTree();
    if (identity !== undefined && this.#tree === undefined) this.#treeIdentity = undefined;
  }

  /** Stops watching. */
  async close(): Promise<void> {
    closeQuietly(this.#parent);
    closeQuietly(this.#tree);
    await Promise.all(this.#loops);
  }

  /** The folder that holds the root: it sees a file replaced by rename, and a folder come back. */
  #watchParent(): Deno.FsWatcher | undefined {
    const slash = this.#root.lastIndexOf("/");
    const folder = slash < 0 ? "." : this.#root.slice(0, slash) || "/";
    const name = this.#root.slice(slash + 1);
    return this.#watch(folder, { recursive: false }, (relative) => {
      if (relative === name) this.#events.replaced();
      else if (relative.startsWith("..")) this.#events.unclear();
    });
  }

  #watchTree(): Deno.FsWatcher | undefined {
    return this.#watch(this.#root, { recursive: true }, (relative) => {
      if (relative === "") this.#events.replaced();
      else if (relative.split("/").some((name) => name.startsWith(".."))) this.#events.unclear();
      else this.#events.touched(`${this.#root}/${relative}`);
    });
  }

  #watch(
    folder: string,
    options: { readonly recursive: boolean },
    onPath: (relative: string) => void,
  ): Deno.FsWatcher | undefined {
    try {
      const real = Deno.realPathSync(folder);
      const watcher = Deno.watchFs(real, options);
      const loop = this.#follow(watcher, real, onPath).finally(() => this.#loops.delete(loop));
      this.#loops.add(loop);
      return watcher;
    } catch {
      // Gone, no permission for it, or no watches left: polling has to do.
      return undefined;
    }
  }

  async #follow(
    watcher: Deno.FsWatcher,
    real: string,
    onPath: (relative: string) => void,
  ): Promise<void> {
    const prefix = real === "/" ? "/" : `${real}/`;
    try {
      for await (const event of watcher) {
        if (event.kind === "access") continue;
        if (event.kind === "other" || event.flag === "rescan") this.#events.unclear();
        for (const path of event.paths) {
          if (path === real) onPath("");
          else if (path.startsWith(prefix)) onPath(path.slice(prefix.length));
        }
      }
    } catch {
      this.#events.unclear();
    }
  }
}

function closeQuietly(watcher: Deno.FsWatcher | undefined): void {
  try {
    watcher?.close();
  } catch {
    // Closed already.
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * A folder for one test, with writes that a watcher sees whole or not at all.
 * @module
 */
import { dirname, join } from "node:path";

/** A temporary folder. Disposing it removes it with everything in it. */
export class TempFolder implements AsyncDisposable {
  /** Its absolute path. */
  readonly path: string;
  readonly #root: string;
  #drafts = 0;

  private constructor(root: string) {
    this.#root = root;
    this.path = join(root, "folder");
  }

  /** Makes a folder with `files` (text by path inside the folder) in it. */
  static async create(files: Readonly<Record<string, string>> = {}): Promise<TempFolder> {
    const folder = new TempFolder(await Deno.makeTempDir({ prefix: "denvoy-test-" }));
    await Deno.mkdir(folder.path);
    for (const [name, text] of Object.entries(files)) await folder.write(name, text);
    return folder;
  }

  /** Returns the absolute path of a file in the folder. */
  file(name: string): string {
    return join(this.path, name);
  }

  /** Writes a file by renaming a finished draft onto it, as editors and `kubectl` do. */
  async write(name: string, text: string): Promise<string> {
    const draft = join(this.#root, `draft-${this.#drafts++}`);
    await Deno.writeTextFile(draft, text);
    await Deno.mkdir(dirname(this.file(name)), { recursive: true });
    await Deno.rename(draft, this.file(name));
    return this.file(name);
  }

  /** Writes a file in place, truncating it first: a watcher may read it half written. */
  async writeInPlace(name: string, text: string): Promise<string> {
    await Deno.writeTextFile(this.file(name), text);
    return this.file(name);
  }

  /** Returns the text of a file. */
  async read(name: string): Promise<string> {
    return await Deno.readTextFile(this.file(name));
  }

  /** Removes a file or folder inside. */
  async remove(name: string): Promise<void> {
    await Deno.remove(this.file(name), { recursive: true });
  }

  /** Removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#root, { recursive: true });
  }
}

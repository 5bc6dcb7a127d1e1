// SPDX-License-Identifier: Apache-2.0
/**
 * The cache folder of everything that is downloaded, and how something gets into it exactly once:
 * whole or not at all, also when two processes want the same thing at the same moment.
 * @module
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Root of the repository. */
export const repositoryRoot: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Returns `DENVOY_CACHE`, else `.cache/` in the repository (which git ignores). */
export function cacheFolder(): string {
  return Deno.env.get("DENVOY_CACHE") ?? join(repositoryRoot, ".cache");
}

/**
 * Returns the folder `<cache>/<name>`, made by `build` if it is not there. `build` fills a folder
 * of its own that is renamed when it is complete, so that a reader never sees half of it; when
 * two processes build at once, the first to finish wins and both get the same folder.
 */
export async function installOnce(
  name: string,
  build: (folder: string) => Promise<void>,
  { cache = cacheFolder() }: { readonly cache?: string } = {},
): Promise<string> {
  const target = join(cache, name);
  if (await exists(target)) return target;
  await Deno.mkdir(cache, { recursive: true });
  const draft = await Deno.makeTempDir({ dir: cache, prefix: `draft-${name}-` });
  try {
    await build(draft);
    await moveUnlessTaken(draft, target);
  } catch (error) {
    await Deno.remove(draft, { recursive: true });
    throw error;
  }
  return target;
}

/** Tells whether there is a file or folder at `path`. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function moveUnlessTaken(draft: string, target: string): Promise<void> {
  try {
    await Deno.rename(draft, target);
  } catch (error) {
    // A rename onto a folder that is not empty fails: another process was faster.
    if (!await exists(target)) throw error;
    await Deno.remove(draft, { recursive: true });
  }
}

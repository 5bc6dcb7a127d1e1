// SPDX-License-Identifier: Apache-2.0
/**
 * Files that hold keys: who else may read them, and how new ones are made.
 * @module
 */

/** Bits for reading and writing by the group and by everyone. */
const GROUP_AND_OTHERS = 0o066;
const OTHERS = 0o006;

/**
 * Returns why a file with a key is too open; undefined when it is not, or where modes mean nothing.
 * `strict` refuses reading by the group too: for keys of ours. Without it the group may read, as mounted
 * secrets of Kubernetes want it.
 */
export async function modeProblem(
  path: string,
  { strict }: { readonly strict: boolean },
): Promise<string | undefined> {
  const { mode } = await Deno.stat(path);
  if (mode === null || Deno.build.os === "windows") return undefined;
  if ((mode & (strict ? GROUP_AND_OTHERS : OTHERS)) === 0) return undefined;
  const who = strict ? "its owner" : "its owner and group";
  const octal = (mode & 0o777).toString(8).padStart(3, "0");
  return `only ${who} may read it: its mode is 0${octal}`;
}

/** Writes a new file that only its owner may read. Rejects with AlreadyExists when there is one. */
export async function createPrivateFile(path: string, content: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { createNew: true, write: true, mode: 0o600 });
  for (let written = 0; written < content.length;) {
    written += await file.write(content.subarray(written));
  }
  await file.sync();
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Writes files for people: whole or not at all.
 * @module
 */
import { dirname } from "node:path";
import { CommandError } from "../command_line/exit_code.ts";

/**
 * Writes a file, with the folders that it needs; whoever reads meanwhile sees the old or the new one.
 * `mode` is what the file has in the end, whatever the umask: Deno leaves that out of account.
 * @throws {CommandError} when that is not possible
 */
export async function writeFile(
  path: string,
  text: string,
  { mode = 0o644 }: { readonly mode?: number } = {},
): Promise<void> {
  const draft = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(draft, text, { createNew: true, mode });
    await Deno.rename(draft, path);
  } catch (error) {
    await Deno.remove(draft).catch(() => {});
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`cannot write ${path}: ${reason}`);
  }
}

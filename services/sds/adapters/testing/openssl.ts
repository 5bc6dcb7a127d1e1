// SPDX-License-Identifier: Apache-2.0
/**
 * For tests: `openssl` as a second opinion.
 * @module
 */

/** What a run of openssl said. */
export interface OpensslRun {
  /** Whether it exited with 0. */
  readonly ok: boolean;
  /** Both outputs. */
  readonly text: string;
}

/** Whether openssl is on PATH; tests that need it say in their name that they are skipped. */
export const hasOpenssl: boolean = isThere();

/** Returns a test's name and whether it is ignored. */
export function withOpenssl(name: string): { readonly name: string; readonly ignore: boolean } {
  return hasOpenssl
    ? { name, ignore: false }
    : { name: `${name} (skipped: openssl is not on PATH)`, ignore: true };
}

/** Runs openssl in a folder of its own that holds `files`. */
export async function openssl(
  args: readonly string[],
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<OpensslRun> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await Deno.writeFile(`${folder}/${name}`, bytes);
    }
    const command = new Deno.Command("openssl", { args: [...args], cwd: folder, stdin: "null" });
    const { success, stdout, stderr } = await command.output();
    const decoder = new TextDecoder();
    return { ok: success, text: decoder.decode(stdout) + decoder.decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function isThere(): boolean {
  try {
    return new Deno.Command("openssl", { args: ["version"] }).outputSync().success;
  } catch {
    return false;
  }
}

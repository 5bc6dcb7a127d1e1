// SPDX-License-Identifier: Apache-2.0
/**
 * Runs a script of this folder on a text.
 * @module
 */
import { fileURLToPath } from "node:url";
import type { PythonWithPackages } from "@denvoy/tools/real_parts";

/** What is run. */
export interface ScriptRun {
  /** The Python that has what the script imports. */
  readonly python: PythonWithPackages;
  /** Its file in this folder. */
  readonly script: string;
  /** Its arguments. */
  readonly args?: readonly string[];
  /** Its standard input. */
  readonly text: string;
}

/** Returns the JSON that the script prints. @throws Error with its words when it fails */
export async function runScript({ python, script, args = [], text }: ScriptRun): Promise<unknown> {
  const child = new Deno.Command(python.command, {
    args: [fileURLToPath(new URL(script, import.meta.url)), ...args],
    env: python.env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The real `denvoy` as a process, with the permissions of its task.
 * @module
 */
import { join } from "node:path";
import { repositoryRoot } from "@denvoy/tools/real_parts";

/** What a run ended in. */
export interface DenvoyRun {
  /** The exit code. */
  readonly code: number;
  /** What it wrote to the standard output. */
  readonly out: string;
  /** What it wrote to the standard error output. */
  readonly error: string;
}

/** How it is run. */
export interface DenvoyOptions {
  /** Working directory. @default the repository */
  readonly cwd?: string;
  /** Added to its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its standard input. @default none */
  readonly input?: string;
}

/** Returns the arguments of `deno` that run `denvoy` as its task does. */
export function denvoyCommand(args: readonly string[]): readonly string[] {
  const config = JSON.parse(Deno.readTextFileSync(join(repositoryRoot, "deno.json")));
  const [, ...words] = (config.tasks.denvoy.command as string).split(" ");
  const main = join(repositoryRoot, "cli", "main.ts");
  return [...words.map((word) => word === "cli/main.ts" ? main : word), ...args];
}

/** Runs `denvoy` to its end. */
export async function runDenvoy(
  args: readonly string[],
  { cwd = repositoryRoot, env = {}, input }: DenvoyOptions = {},
): Promise<DenvoyRun> {
  const process = new Deno.Command(Deno.execPath(), {
    args: [...denvoyCommand(args)],
    cwd,
    env,
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (input !== undefined) {
    const writer = process.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  }
  const { code, stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

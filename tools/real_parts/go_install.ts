// SPDX-License-Identifier: Apache-2.0
/**
 * Programs of public Go modules, built once, pinned, into the cache folder, where `go` is on PATH.
 * @module
 */
import { join } from "node:path";
import { cacheFolder, exists, installOnce } from "./cache.ts";
import { capture, progress } from "./process.ts";

/** A built program, or why there is none on this machine. */
export type InstalledGoProgram =
  | { readonly kind: "built"; readonly path: string }
  | { readonly kind: "unavailable"; readonly reason: string };

/** What to build. */
export interface GoPackage {
  /** How messages call it. */
  readonly title: string;
  /** The package with its exact version, as `go install` takes it, or a folder with a module of ours. */
  readonly source: { readonly module: string } | { readonly folder: string };
  /** Its name in the cache, with the version. */
  readonly name: string;
  /** What the program is called; of a package, what `go install` calls it. */
  readonly program: string;
}

/** Returns the program; takes a minute or two the first time. */
export async function installGoProgram(wanted: GoPackage): Promise<InstalledGoProgram> {
  const name = `${wanted.name}-${Deno.build.os}-${Deno.build.arch}`;
  const built = join(cacheFolder(), name, wanted.program);
  if (await exists(built)) return { kind: "built", path: built };
  if ((await capture("go", ["version"])).code !== 0) {
    return { kind: "unavailable", reason: "go is not on PATH" };
  }
  try {
    progress(`building ${wanted.title}`);
    const folder = await installOnce(name, (draft) => install(wanted, draft));
    return { kind: "built", path: join(folder, wanted.program) };
  } catch (error) {
    return { kind: "unavailable", reason: error instanceof Error ? error.message : String(error) };
  }
}

async function install({ source, program }: GoPackage, into: string): Promise<void> {
  const flags = ["-trimpath", "-ldflags=-s -w"];
  const args = "module" in source
    ? ["install", ...flags, source.module]
    : ["build", ...flags, "-mod=readonly", "-o", join(into, program), "."];
  const { code, stderr } = await new Deno.Command("go", {
    args,
    ...("folder" in source && { cwd: source.folder }),
    // An older Go says so at once instead of fetching another.
    env: { GOBIN: into, CGO_ENABLED: "0", GOTOOLCHAIN: "local" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code === 0) return;
  const words = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
  throw new Error(`go ${args[0]} of ${program} failed: ${words}`);
}

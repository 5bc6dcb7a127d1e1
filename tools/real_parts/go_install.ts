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
  /** The package with its exact version, as `go install` takes it. */
  readonly module: string;
  /** Its name in the cache, with the version. */
  readonly name: string;
  /** What `go install` calls the program. */
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

async function install({ module }: GoPackage, folder: string): Promise<void> {
  const { code, stderr } = await new Deno.Command("go", {
    args: ["install", "-trimpath", "-ldflags=-s -w", module],
    // An older Go says so at once instead of fetching another.
    env: { GOBIN: folder, CGO_ENABLED: "0", GOTOOLCHAIN: "local" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code === 0) return;
  const words = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
  throw new Error(`go install ${module} failed: ${words}`);
}

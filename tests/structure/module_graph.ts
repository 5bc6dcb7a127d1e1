// SPDX-License-Identifier: Apache-2.0
/**
 * Who imports whom, as Deno itself resolves it, type-only and dynamic imports included.
 * @module
 */
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { repositoryRoot } from "@denvoy/tools/real_parts";

/** What an import leads to. */
export type ImportTarget =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "npm"; readonly name: string }
  | { readonly kind: "node" }
  | { readonly kind: "remote" }
  | { readonly kind: "missing" };

/** One import of a module. */
export interface ModuleImport {
  /** As it is written. */
  readonly specifier: string;
  /** Where it leads. */
  readonly target: ImportTarget;
  /** Only types are imported: nothing of it is left at run time. */
  readonly typeOnly?: boolean;
}

/** One TypeScript file with its imports. */
export interface Module {
  /** Path relative to the root, e.g. `libs/base/mod.ts`. */
  readonly path: string;
  /** Its imports in the order of the file. */
  readonly imports: readonly ModuleImport[];
}

/** Reads the imports of `paths` and of what they import. */
export async function readModuleGraph(paths: readonly string[]): Promise<readonly Module[]> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  const urls = paths.map((path) => pathToFileURL(join(repositoryRoot, path)).href);
  try {
    await Deno.writeTextFile(entry, urls.map((url) => `import ${JSON.stringify(url)};\n`).join(""));
    return parseDenoInfo(await denoInfo(entry));
  } finally {
    await Deno.remove(entry);
  }
}

/** Returns what a resolved specifier (`file:`, `npm:`, `node:` …) leads to. */
export function importTarget(resolved: string): ImportTarget {
  if (resolved.startsWith("file:")) return { kind: "file", path: pathOf(resolved) };
  if (resolved.startsWith("node:")) return { kind: "node" };
  const npm = /^npm:\/?((?:@[^/]+\/)?[^@/]+)/.exec(resolved)?.[1];
  return npm === undefined ? { kind: "remote" } : { kind: "npm", name: npm };
}

interface DenoInfo {
  readonly modules: readonly {
    readonly specifier: string;
    readonly error?: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string; readonly error?: string };
      readonly type?: { readonly specifier?: string; readonly error?: string };
    }[];
  }[];
}

async function denoInfo(entry: string): Promise<DenoInfo> {
  const config = join(repositoryRoot, "deno.json");
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-lock", "--config", config, entry],
  }).output();
  if (!success) throw new Error(`cannot read imports: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout)) as DenoInfo;
}

function parseDenoInfo({ modules }: DenoInfo): readonly Module[] {
  const broken = new Set(modules.flatMap(({ specifier, error }) => error ? [specifier] : []));
  const target = (resolved: string | undefined): ImportTarget =>
    resolved === undefined || broken.has(resolved) ? { kind: "missing" } : importTarget(resolved);
  return modules.flatMap(({ specifier, dependencies }) => {
    const isOurs = specifier.startsWith("file:") && !pathOf(specifier).startsWith("..");
    if (!isOurs || broken.has(specifier)) return [];
    const imports = (dependencies ?? []).map(({ specifier, code, type }) => ({
      specifier,
      target: target(code?.specifier ?? type?.specifier),
      typeOnly: code === undefined,
    }));
    return [{ path: pathOf(specifier), imports }];
  });
}

function pathOf(url: string): string {
  return relative(repositoryRoot, fileURLToPath(url));
}

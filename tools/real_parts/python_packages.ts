// SPDX-License-Identifier: Apache-2.0
/**
 * Python with packages of its own, pinned, in the cache folder; the machine's Python stays as it is.
 * @module
 */
import { installOnce } from "./cache.ts";
import { progress } from "./process.ts";
import { findPython, runPip } from "./python.ts";

/** What a Python is to have. */
export interface PythonPackages {
  /** What is shown while it is downloaded. */
  readonly title: string;
  /** Everything that is needed, each `name==version`; the first names the folder. */
  readonly requirements: readonly [string, ...string[]];
  /** Whether some of it is compiled. */
  readonly isCompiled: boolean;
}

/** A Python that can import packages. */
export interface PythonWithPackages {
  /** The command to run. */
  readonly command: string;
  /** What to add to its environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Returns a Python with these packages, downloaded into the cache at the first call. */
export async function getPython(packages: PythonPackages): Promise<PythonWithPackages> {
  const { title, requirements, isCompiled } = packages;
  const python = await findPython();
  const platform = `-${Deno.build.os}-${Deno.build.arch}-python${python.version}`;
  const name = requirements[0].replace("==", "-") + (isCompiled ? platform : "");
  const folder = await installOnce(name, async (target) => {
    progress(`${title}: downloading`);
    const choice = ["--no-deps", "--only-binary=:all:", "--target", target];
    await runPip(python, ["install", ...choice, ...requirements]);
  });
  return { command: python.command, env: { PYTHONPATH: folder } };
}

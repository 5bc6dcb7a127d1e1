// SPDX-License-Identifier: Apache-2.0
/**
 * `deno task parts`: gets every real part and prints where each one is.
 * @module
 */
import { getEnvoy, getPythonGrpc, getRedis } from "./mod.ts";

if (import.meta.main) {
  const python = await getPythonGrpc();
  const lines = [
    `envoy        ${await getEnvoy()}`,
    `redis-server ${await getRedis()}`,
    `python       ${python.command} with PYTHONPATH=${python.env.PYTHONPATH}`,
  ];
  await Deno.stdout.write(new TextEncoder().encode(lines.join("\n") + "\n"));
}

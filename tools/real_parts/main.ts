// SPDX-License-Identifier: Apache-2.0
/**
 * `deno task parts`: gets every real part and prints where each one is.
 * @module
 */
import {
  getEnvoy,
  getOtlpDecoder,
  getPrometheusParser,
  getPythonGrpc,
  getRateLimitReference,
  getRedis,
} from "./mod.ts";

if (import.meta.main) {
  const python = await getPythonGrpc();
  const ratelimit = await getRateLimitReference();
  const lines = [
    `envoy        ${await getEnvoy()}`,
    `redis-server ${await getRedis()}`,
    `python       ${python.command} with PYTHONPATH=${python.env.PYTHONPATH}`,
    `prometheus   PYTHONPATH=${(await getPrometheusParser()).env.PYTHONPATH}`,
    `otlp         PYTHONPATH=${(await getOtlpDecoder()).env.PYTHONPATH}`,
    `ratelimit    ${ratelimit.kind === "built" ? ratelimit.path : `none: ${ratelimit.reason}`}`,
  ];
  await Deno.stdout.write(new TextEncoder().encode(lines.join("\n") + "\n"));
}

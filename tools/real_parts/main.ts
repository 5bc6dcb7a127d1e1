// SPDX-License-Identifier: Apache-2.0
/**
 * `deno task parts`: gets every real part and prints where each one is.
 * @module
 */
import {
  getEnvoy,
  getOtlpDecoder,
  getPrometheusParser,
  getPrometheusScrape,
  getPythonGrpc,
  getRateLimitReference,
  getRedis,
  type InstalledGoProgram,
} from "./mod.ts";

function whereOf(program: InstalledGoProgram): string {
  return program.kind === "built" ? program.path : `none: ${program.reason}`;
}

if (import.meta.main) {
  const python = await getPythonGrpc();
  const ratelimit = await getRateLimitReference();
  const scrape = await getPrometheusScrape();
  const lines = [
    `envoy        ${await getEnvoy()}`,
    `redis-server ${await getRedis()}`,
    `python       ${python.command} with PYTHONPATH=${python.env.PYTHONPATH}`,
    `prometheus   PYTHONPATH=${(await getPrometheusParser()).env.PYTHONPATH}`,
    `otlp         PYTHONPATH=${(await getOtlpDecoder()).env.PYTHONPATH}`,
    `ratelimit    ${whereOf(ratelimit)}`,
    `scrape       ${whereOf(scrape)}`,
  ];
  await Deno.stdout.write(new TextEncoder().encode(lines.join("\n") + "\n"));
}

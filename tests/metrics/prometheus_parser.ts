// SPDX-License-Identifier: Apache-2.0
/**
 * What Prometheus's own parser makes of a text.
 * @module
 */
import { fileURLToPath } from "node:url";
import { getPrometheusParser } from "@denvoy/tools/real_parts";

/** What was found in a text. */
export interface ParsedMetrics {
  /** Families. */
  readonly families: number;
  /** Samples; no two have one name and labels. */
  readonly samples: number;
  /** Families by type. */
  readonly kinds: Readonly<Record<string, number>>;
}

/** Returns what the parser finds. @throws Error with its words when it does not accept the text */
export async function parseWithPrometheus(
  text: string,
  format: "prometheus" | "openmetrics",
): Promise<ParsedMetrics> {
  const { command, env } = await getPrometheusParser();
  const script = fileURLToPath(new URL("parse_metrics.py", import.meta.url));
  const child = new Deno.Command(command, {
    args: [script, format],
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)) as ParsedMetrics;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What Prometheus's own parser makes of a text.
 * @module
 */
import { getPrometheusParser } from "@denvoy/tools/real_parts";
import { runScript } from "./python_script.ts";

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
  const python = await getPrometheusParser();
  return await runScript({
    python,
    script: "parse_metrics.py",
    args: [format],
    text,
  }) as ParsedMetrics;
}

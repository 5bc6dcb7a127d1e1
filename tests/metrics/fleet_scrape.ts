// SPDX-License-Identifier: Apache-2.0
/**
 * Reads `/fleet/metrics`, and sends requests through Envoys.
 * @module
 */
import { type PrometheusText, readPrometheusText } from "./prometheus_text.ts";
import { type DenvoyMetrics } from "../support/mod.ts";

/** Returns the text; throws unless it is answered with 200. */
export async function fleetText(
  metrics: DenvoyMetrics,
  query = "",
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const response = await fetch(`${metrics.httpUrl}/fleet/metrics${query}`, { headers });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`cannot scrape: ${response.status} ${text}`);
  return text;
}

/** Returns what was read from the text. */
export async function scrapeFleet(metrics: DenvoyMetrics, query = ""): Promise<PrometheusText> {
  return readPrometheusText(await fleetText(metrics, query));
}

/** Returns the first value of a metric that has these labels. */
export function valueOf(
  { samples }: PrometheusText,
  name: string,
  labels: Readonly<Record<string, string>>,
): number | undefined {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  for (const [series, value] of samples) {
    if (series.startsWith(`${name}{`) && wanted.every((pair) => series.includes(pair))) {
      return value;
    }
  }
  return undefined;
}

/** Sends requests, one after the other. */
export async function askEnvoy(port: number, path: string, times: number): Promise<void> {
  for (let count = 0; count < times; count++) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    await response.body?.cancel();
  }
}

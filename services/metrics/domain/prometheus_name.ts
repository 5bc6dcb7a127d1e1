// SPDX-License-Identifier: Apache-2.0
/**
 * Names and label values in the Prometheus text format, as Envoy's own `/stats/prometheus` writes
 * them, so that dashboards made for it work.
 * @module
 */

/** Returns the name of a metric: `envoy_` and the stat name, with `_` for what is no letter or digit. */
export function metricName(statName: string): string {
  return `envoy_${sanitize(statName)}`;
}

/** Returns the name of a label: `envoy.cluster_name` is `envoy_cluster_name`. */
export function labelName(tagName: string): string {
  const name = sanitize(tagName);
  return /^\d/.test(name) || name === "" ? `_${name}` : name;
}

/** Returns a label value with `\`, `"` and line breaks escaped. */
export function escapeLabelValue(value: string): string {
  if (!/[\\"\n]/.test(value)) return value;
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** Returns a value: shortest decimal form, `NaN`, `+Inf` or `-Inf`. */
export function formatValue(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return String(value);
}

function sanitize(name: string): string {
  return name.replaceAll(/[^a-zA-Z0-9_]/g, "_");
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The environment variables of envoyproxy/ratelimit about its debug port, Prometheus port and statsd,
 * by the names of our own.
 * @module
 */
import type { ReferenceReader } from "./reference_reader.ts";

/** All variables that are read. */
export const referenceExportVariables: readonly string[] = [
  ...["DEBUG_HOST", "DEBUG_PORT", "USE_PROMETHEUS", "PROMETHEUS_ADDR", "PROMETHEUS_PATH"],
  ...["USE_STATSD", "USE_DOG_STATSD", "STATSD_HOST", "STATSD_PORT", "STATSD_PROTOCOL"],
  ...["EXTRA_TAGS", "STATS_FLUSH_INTERVAL", "DISABLE_STATS"],
];

/** Puts what the variables mean. */
export function putReferenceExports(reader: ReferenceReader): void {
  const [host, port] = [reader.text("DEBUG_HOST"), reader.text("DEBUG_PORT")];
  if (host || port) {
    const address = `${host ?? "127.0.0.1"}:${port ?? "6070"}`;
    reader.put("DEBUG_ADDRESS", address, ["DEBUG_HOST", "DEBUG_PORT"]);
  }
  if (reader.flag("DISABLE_STATS")) return;
  putPrometheus(reader);
  putStatsd(reader);
}

function putPrometheus(reader: ReferenceReader): void {
  if (!reader.flag("USE_PROMETHEUS")) return;
  const [address = ":9090", path] = [
    reader.text("PROMETHEUS_ADDR"),
    reader.text("PROMETHEUS_PATH"),
  ];
  const whole = address.startsWith(":") ? `127.0.0.1${address}` : address;
  reader.put("PROMETHEUS_ADDRESS", whole, ["PROMETHEUS_ADDR"]);
  if (path !== undefined) reader.put("PROMETHEUS_PATH", path, ["PROMETHEUS_PATH"]);
}

/**
 * There statsd is on unless it is switched off. Here it has to be asked for, by `USE_STATSD` or by
 * saying where it is: a service that needs no statsd should not look for one.
 */
function putStatsd(reader: ReferenceReader): void {
  const [host, port] = [reader.text("STATSD_HOST"), reader.text("STATSD_PORT")];
  const [use, isDog] = [reader.flag("USE_STATSD"), reader.flag("USE_DOG_STATSD") === true];
  const isNamed = Boolean(host || port);
  if (!isDog && use !== true && (use === false || !isNamed)) return;
  const address = `${host ?? "127.0.0.1"}:${port ?? "8125"}`;
  reader.put("STATSD_ADDRESS", address, ["STATSD_HOST", "STATSD_PORT"]);
  const protocol = reader.text("STATSD_PROTOCOL") ?? (isDog ? "udp" : "tcp");
  reader.put("STATSD_PROTOCOL", protocol.toLowerCase(), ["STATSD_PROTOCOL"]);
  if (isDog) reader.put("STATSD_FORMAT", "dogstatsd", ["USE_DOG_STATSD"]);
  const [tags, interval] = [reader.text("EXTRA_TAGS"), reader.text("STATS_FLUSH_INTERVAL")];
  if (tags !== undefined) reader.put("STATSD_TAG", tagPairs(tags), ["EXTRA_TAGS"]);
  if (interval !== undefined) {
    reader.put("STATSD_INTERVAL", goDuration(interval), ["STATS_FLUSH_INTERVAL"]);
  }
}

/** They write `name:value`. */
function tagPairs(tags: string): string {
  return tags.split(",").map((tag) => tag.trim().replace(":", "=")).join(",");
}

/** Go writes `1m30s`, which is `90000ms` here; what is no duration stays as it is. */
export function goDuration(text: string): string {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)];
  if (parts.map(([part]) => part).join("") !== text || parts.length === 0) return text;
  const ms = parts.reduce((sum, [, number, unit = ""]) => {
    return sum + Number(number) * (goUnitMs[unit] ?? 0);
  }, 0);
  return `${Math.round(ms)}ms`;
}

const goUnitMs: Readonly<Record<string, number>> = {
  ...{ ns: 1e-6, us: 1e-3, "µs": 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 },
};

// SPDX-License-Identifier: Apache-2.0
/**
 * The environment variables of envoyproxy/ratelimit about its debug port, Prometheus port and statsd,
 * by the names of our own.
 * @module
 */
import type { ReadVariable } from "./reference_environment.ts";

/** All variables that are read. */
export const referenceExportVariables: readonly string[] = [
  ...["DEBUG_HOST", "DEBUG_PORT", "USE_PROMETHEUS", "PROMETHEUS_ADDR", "PROMETHEUS_PATH"],
  ...["USE_STATSD", "USE_DOG_STATSD", "STATSD_HOST", "STATSD_PORT", "STATSD_PROTOCOL"],
  ...["EXTRA_TAGS", "STATS_FLUSH_INTERVAL", "DISABLE_STATS"],
];

/** Returns what the variables mean. */
export function fromReferenceExports(read: ReadVariable): Readonly<Record<string, string>> {
  const [host, port] = [read("DEBUG_HOST"), read("DEBUG_PORT")];
  return {
    ...(host || port ? { DEBUG_ADDRESS: `${host || "127.0.0.1"}:${port || "6070"}` } : {}),
    ...(isOn(read("DISABLE_STATS")) ? {} : { ...prometheus(read), ...statsd(read) }),
  };
}

function prometheus(read: ReadVariable): Readonly<Record<string, string>> {
  if (!isOn(read("USE_PROMETHEUS"))) return {};
  const [address, path] = [read("PROMETHEUS_ADDR") || ":9090", read("PROMETHEUS_PATH")];
  return {
    PROMETHEUS_ADDRESS: address.startsWith(":") ? `127.0.0.1${address}` : address,
    ...(path ? { PROMETHEUS_PATH: path } : {}),
  };
}

/**
 * There statsd is on unless it is switched off. Here it has to be asked for, by `USE_STATSD` or by
 * saying where it is: a service that needs no statsd should not look for one.
 */
function statsd(read: ReadVariable): Readonly<Record<string, string>> {
  const [host, port, use] = [read("STATSD_HOST"), read("STATSD_PORT"), read("USE_STATSD")];
  const isDog = isOn(read("USE_DOG_STATSD"));
  const isNamed = Boolean(host || port);
  const isOff = /^(0|f|false)$/i.test(use ?? "");
  if (!isDog && !isOn(use) && (isOff || !isNamed)) return {};
  const [protocol, tags, interval] = [
    read("STATSD_PROTOCOL") || (isDog ? "udp" : "tcp"),
    read("EXTRA_TAGS"),
    read("STATS_FLUSH_INTERVAL"),
  ];
  return {
    STATSD_ADDRESS: `${host || "127.0.0.1"}:${port || "8125"}`,
    STATSD_PROTOCOL: protocol.toLowerCase(),
    ...(isDog ? { STATSD_FORMAT: "dogstatsd" } : {}),
    // They write `name:value`.
    ...(tags
      ? { STATSD_TAG: tags.split(",").map((tag) => tag.trim().replace(":", "=")).join(",") }
      : {}),
    ...(interval ? { STATSD_INTERVAL: goDuration(interval) } : {}),
  };
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

function isOn(text: string | undefined): boolean {
  return /^(1|t|true)$/i.test(text ?? "");
}

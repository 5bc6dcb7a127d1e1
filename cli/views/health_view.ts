// SPDX-License-Identifier: Apache-2.0
/**
 * Endpoints and their health as a table, and changes as lines.
 * @module
 */
import type { EndpointHealthAnswer, HealthEvent } from "../api/health_answers.ts";
import { age } from "../output/age.ts";
import { type Cell, table } from "../output/columns.ts";
import type { Styles } from "../output/styles.ts";
import type { ViewOptions } from "./nodes_view.ts";

/** Returns the table; endpoints that are out of load balancing come first. */
export function healthView(
  endpoints: readonly EndpointHealthAnswer[],
  { styles, nowMs }: ViewOptions,
): readonly string[] {
  if (endpoints.length === 0) return ["no endpoint is checked"];
  const head = ["CLUSTER", "ADDRESS", "HEALTH", "SINCE", "WHY", "PROBERS"];
  const rows = endpoints.toSorted(byUrgency).map((endpoint): readonly Cell[] => [
    endpoint.cluster,
    endpoint.address,
    { text: endpoint.health, paint: (text) => paintHealth(text, styles) },
    age(endpoint.since, nowMs),
    whyOf(endpoint),
    probersOf(endpoint),
  ]);
  return table(head, rows);
}

/** Returns a line for a line of the watch; undefined for what is nothing to people. */
export function healthEventLine(line: string, styles: Styles): string | undefined {
  const { event, data } = JSON.parse(line) as HealthEvent;
  const { at = "", cluster, address, before = "", after = "", reason, by = [] } = data;
  const what = `${cluster} ${address}`;
  switch (event) {
    case "change": {
      const who = by.length > 0 ? ` by ${by.join(", ")}` : "";
      const time = styles.dim(at.slice(11, 19));
      return `${time} ${what} ${before} -> ${paintHealth(after, styles)} (${reason}${who})`;
    }
    case "added":
      return `${what} is checked from now on`;
    case "removed":
      return `${what} is checked no more`;
    case "overflow":
      return "the watch was too slow and has missed changes";
    default:
      return undefined;
  }
}

function whyOf({ reason, found, health }: EndpointHealthAnswer): string {
  return found === health || found === "UNKNOWN" ? reason : `${reason}, found ${found}`;
}

/** How many of them say that it is healthy. */
function probersOf({ probers }: EndpointHealthAnswer): string {
  if (probers.length === 0) return "none";
  const passing = probers.filter(({ says }) => says === "pass").length;
  return `${passing} of ${probers.length} pass`;
}

function byUrgency(a: EndpointHealthAnswer, b: EndpointHealthAnswer): number {
  const rank = Number(isWell(a)) - Number(isWell(b));
  if (rank !== 0) return rank;
  return `${a.cluster} ${a.address}` < `${b.cluster} ${b.address}` ? -1 : 1;
}

function isWell({ health }: EndpointHealthAnswer): boolean {
  return health === "HEALTHY";
}

function paintHealth(text: string, styles: Styles): string {
  if (text === "HEALTHY") return styles.green(text);
  return text === "UNHEALTHY" || text === "TIMEOUT" ? styles.red(text) : styles.yellow(text);
}

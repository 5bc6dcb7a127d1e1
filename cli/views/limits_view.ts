// SPDX-License-Identifier: Apache-2.0
/**
 * Limits, their counters and what matched none, as tables.
 * @module
 */
import type {
  CountersAnswer,
  EntryAnswer,
  ExplainAnswer,
  LimitAnswer,
  LimitPolicyAnswer,
  UnmatchedAnswer,
} from "../api/limit_answers.ts";
import { type Cell, table } from "../output/columns.ts";
import type { ViewOptions } from "./nodes_view.ts";

/** From this part of a limit on its hottest key is a warning. */
const NEAR = 0.8;

/** Returns the table of limits, those with the most units over first. */
export function limitsView(
  limits: readonly LimitAnswer[],
  { styles }: ViewOptions,
): readonly string[] {
  const counting = limits.filter(({ limit }) => limit !== undefined);
  if (counting.length === 0) return ["there is no limit"];
  const rows = counting.toSorted((a, b) => b.counts.over - a.counts.over).map((one): Cell[] => {
    const { over } = one.counts;
    const [hottest] = one.hot_keys;
    return [
      one.window === undefined ? one.rule : `${one.rule} (${one.window})`,
      limitText(one.limit) + (one.shadow_mode ? ", shadow" : ""),
      String(one.counts.total),
      over === 0 ? "0" : { text: String(over), paint: styles.red },
      hottest === undefined ? "-" : descriptorText(hottest.entries),
      hottest === undefined ? "-" : {
        text: percent(hottest.used),
        paint: hottest.used >= 1 ? styles.red : hottest.used >= NEAR ? styles.yellow : String,
      },
    ];
  });
  return table(["RULE", "LIMIT", "HITS", "OVER", "HOTTEST KEY", "USED"], rows);
}

/** Returns the keys of each limit that were asked for most. */
export function hotKeysView(
  limits: readonly LimitAnswer[],
  { styles }: ViewOptions,
): readonly string[] {
  const rows = limits.flatMap((one) =>
    one.hot_keys.map((key): Cell[] => [
      one.window === undefined ? one.rule : `${one.rule} (${one.window})`,
      descriptorText(key.entries),
      String(Math.round(key.recent_hits)),
      { text: percent(key.used), paint: key.used >= 1 ? styles.red : String },
    ])
  );
  if (rows.length === 0) return ["no limit was asked for yet"];
  return table(["RULE", "KEY", "RECENT HITS", "USED"], rows);
}

/** Returns the table of descriptors without a limit. */
export function unmatchedView(shapes: readonly UnmatchedAnswer[]): readonly string[] {
  if (shapes.length === 0) return ["every descriptor has matched a limit"];
  const rows = shapes.map(({ domain, keys, why, count, example }) => [
    domain,
    keys.join(" "),
    why,
    String(Math.round(count)),
    descriptorText(example),
  ]);
  return table(["DOMAIN", "KEYS", "WHY", "COUNT", "FOR EXAMPLE"], rows);
}

/** Returns the counters of one descriptor. */
export function countersView({ rule, counters }: CountersAnswer): readonly string[] {
  const rows = counters.map(({ limit, used, remaining, resets_in_seconds }) => [
    rule,
    limitText(limit),
    String(used),
    String(remaining),
    `${resets_in_seconds}s`,
  ]);
  return table(["RULE", "LIMIT", "USED", "LEFT", "RESETS IN"], rows);
}

/** Returns which rule a descriptor matches, and why not the others. */
export function explainView({ descriptors }: ExplainAnswer): readonly string[] {
  return descriptors.flatMap(({ summary, steps }) => [
    summary,
    ...steps.flatMap(({ entry, candidates, more }) => [
      "",
      `${entry.key}=${entry.value}`,
      ...candidates.map(({ path, place, chosen, why }) => {
        const where = place.file === undefined ? "" : ` (${place.file}:${place.line})`;
        return `  ${chosen ? "*" : " "} ${path}${where}: ${why}`;
      }),
      ...(more > 0 ? [`    and ${more} more`] : []),
    ]),
  ]);
}

function limitText(limit: LimitPolicyAnswer | undefined): string {
  if (limit?.unlimited) return "unlimited";
  const { requests_per_unit, unit, unit_multiplier = 1, algorithm = "" } = limit ?? {};
  const span = unit_multiplier === 1 ? unit : `${unit_multiplier} ${unit}s`;
  const how = algorithm === "fixed_window" ? "" : `, ${algorithm.replace("_", " ")}`;
  return `${requests_per_unit} per ${span}${how}`;
}

function descriptorText(entries: readonly EntryAnswer[]): string {
  return entries.map(({ key, value }) => `${key}=${value}`).join(" ");
}

function percent(part: number): string {
  return `${Math.round(part * 100)}%`;
}

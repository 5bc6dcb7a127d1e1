// SPDX-License-Identifier: Apache-2.0
/**
 * Values as lines of statsd: what a counter grew by since they were last sent, what a gauge is.
 * @module
 */
import type { ReferenceStat } from "./reference_stats.ts";

/**
 * How tags are written: `statsd` puts them into the name as envoyproxy/ratelimit does
 * (`name.__tag=value`), `dogstatsd` behind the value (`|#tag:value`).
 */
export type StatsdFormat = "statsd" | "dogstatsd";

/** All formats. */
export const statsdFormats: readonly StatsdFormat[] = ["statsd", "dogstatsd"];

/** How lines look. */
export interface StatsdLineOptions {
  /** How tags are written. */
  readonly format: StatsdFormat;
  /** Tags of every line. */
  readonly tags: Readonly<Record<string, string>>;
}

/** Remembers what was sent, so that what got lost is sent with the next. */
export class StatsdLines {
  readonly #suffixes: { readonly name: string; readonly line: string };
  readonly #sent = new Map<string, number>();

  /** Nothing was sent yet. */
  constructor({ format, tags }: StatsdLineOptions) {
    const sorted = Object.entries(tags).sort(([a], [b]) => a < b ? -1 : 1);
    const inName = sorted.map(([key, value]) => `.__${tagText(key)}=${tagText(value)}`).join("");
    const behind = sorted.map(([key, value]) => `${key}:${value.replace(/[|,\n]/g, "_")}`).join(
      ",",
    );
    this.#suffixes = format === "statsd"
      ? { name: inName, line: "" }
      : { name: "", line: behind === "" ? "" : `|#${behind}` };
  }

  /** Returns the lines that are to be sent; a counter that did not grow has none. */
  due(stats: readonly ReferenceStat[]): readonly string[] {
    const { name: inName, line } = this.#suffixes;
    return stats.flatMap(({ name, kind, value }) => {
      if (kind === "gauge") return [`${name}${inName}:${value}|g${line}`];
      const grown = value - (this.#sent.get(name) ?? 0);
      return grown <= 0 ? [] : [`${name}${inName}:${grown}|c${line}`];
    });
  }

  /** Notes that the lines of these values have been sent. */
  sent(stats: readonly ReferenceStat[]): void {
    for (const { name, kind, value } of stats) {
      if (kind === "counter") this.#sent.set(name, Math.max(value, this.#sent.get(name) ?? 0));
    }
  }
}

function tagText(text: string): string {
  return text.replace(/[.:|=\n]/g, "_");
}

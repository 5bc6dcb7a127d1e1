// SPDX-License-Identifier: Apache-2.0
/**
 * All series of the fleet, each once, and as what they are shown by the cardinality rules.
 * @module
 */
import type { CardinalityRules } from "./cardinality_rules.ts";
import { type Label, labelKey } from "./label.ts";
import { escapeLabelValue, labelName, metricName } from "./prometheus_name.ts";
import type { CutReason, Family, Series, SeriesKind, ShownSeries } from "./series.ts";
import { extractTags } from "./tag_extraction.ts";

/** A series as it arrives. */
export interface ReportedSeries {
  /** What its values mean. */
  readonly kind: SeriesKind;
  /** Its name, with its tags in it if it has no labels. */
  readonly name: string;
  /** Its labels. */
  readonly labels: readonly Label[];
}

/** What an index is made of. */
export interface SeriesIndexOptions {
  /** What is kept, and how it is shown. */
  readonly rules: CardinalityRules;
  /** Whether tags are looked for in names without labels. */
  readonly extractTags: boolean;
}

/** Finds and makes series. */
export class SeriesIndex {
  readonly #options: SeriesIndexOptions;
  readonly #series = new Map<string, Series>();
  readonly #families = new Map<string, Family>();
  readonly #shown = new Map<string, ShownSeries>();
  readonly #freeIndexes: number[] = [];
  #nextIndex = 0;
  #rules: CardinalityRules;
  #generation = 0;

  /** Knows no series. */
  constructor(options: SeriesIndexOptions) {
    this.#options = options;
    this.#rules = options.rules;
  }

  /**
   * Changes whenever what {@linkcode find} has returned may be wrong from now on, apart from series
   * that nobody has any more (`refs` is 0).
   */
  get generation(): number {
    return this.#generation;
  }

  /** How many different series there are. */
  get size(): number {
    return this.#series.size;
  }

  /** One more than the highest index of a series. */
  get indexes(): number {
    return this.#nextIndex;
  }

  /** All series. */
  series(): Iterable<Series> {
    return this.#series.values();
  }

  /** All families that something is shown in. */
  families(): Iterable<Family> {
    return this.#families.values();
  }

  /**
   * Returns the series, or why it is not kept. One that nobody has yet is made, and must be retained
   * at once, unless `full` says why there is no room for it.
   */
  find(reported: ReportedSeries, full?: CutReason): Series | CutReason {
    const { kind } = reported;
    const { name, labels } = this.#tagged(reported);
    const key = `${kind} ${name} ${labelKey(labels)}`;
    const known = this.#series.get(key);
    if (known !== undefined) return this.#rejects(known) ?? known;
    if (full !== undefined) return full;
    const conflict = this.#conflict(kind, metricName(name));
    if (conflict !== undefined) return conflict;
    const shown = this.#show({ kind, name, labels });
    if (shown === undefined) return "rule";
    const index = this.#freeIndexes.pop() ?? this.#nextIndex++;
    const series: Series = { index, kind, name, labels, key, shown, refs: 0 };
    this.#series.set(key, series);
    return series;
  }

  /** One more node has the series. */
  retain(series: Series): void {
    series.refs++;
  }

  /** One node less has the series; without any it is forgotten. */
  release(series: Series): void {
    if (--series.refs > 0) return;
    this.#unshow(series);
    this.#series.delete(series.key);
    this.#freeIndexes.push(series.index);
  }

  /** Shows everything by other rules from now on. */
  setRules(rules: CardinalityRules): void {
    this.#rules = rules;
    const all = [...this.#series.values()];
    for (const series of all) this.#unshow(series);
    // Summaries last: the histogram of the same name takes precedence.
    const isSummary = ({ kind }: Series) => Number(kind === "summary");
    for (const series of all.sort((a, b) => isSummary(a) - isSummary(b))) {
      series.shown = this.#show(series);
    }
    this.#generation++;
  }

  #tagged(reported: ReportedSeries): { readonly name: string; readonly labels: readonly Label[] } {
    if (reported.labels.length > 0 || !this.#options.extractTags) return reported;
    return extractTags(reported.name);
  }

  #rejects(series: Series): CutReason | undefined {
    if (series.shown === undefined) return "rule";
    if (series.shown.family.kind === series.kind) return undefined;
    return series.kind === "summary" ? "summary" : "type_conflict";
  }

  /** A name has one kind. A histogram says more than the summary of the same samples. */
  #conflict(kind: SeriesKind, name: string): CutReason | undefined {
    const family = this.#families.get(name);
    if (family === undefined || family.kind === kind) return undefined;
    if (kind === "summary" && family.kind === "histogram") return "summary";
    if (kind !== "histogram" || family.kind !== "summary") return "type_conflict";
    family.kind = "histogram";
    this.#generation++;
    return undefined;
  }

  #show({ kind, name, labels }: ReportedSeries): ShownSeries | undefined {
    const kept = this.#rules.apply({ name, labels });
    if (kept === undefined) return undefined;
    const family = this.#family(kind, kept.name);
    if (family.kind !== kind && kind !== "summary") return undefined;
    const labelText = labelTextOf(kept.labels);
    const key = `${family.name}{${labelText}`;
    let shown = this.#shown.get(key);
    if (shown === undefined) {
      shown = { family, labels: kept.labels, labelText, refs: 0 };
      this.#shown.set(key, shown);
      family.refs++;
    }
    if (++shown.refs === 2) family.merged++;
    return shown;
  }

  #family(kind: SeriesKind, statName: string): Family {
    const name = metricName(statName);
    let family = this.#families.get(name);
    if (family === undefined) {
      family = { name, statName, kind, refs: 0, merged: 0 };
      this.#families.set(name, family);
    }
    return family;
  }

  #unshow(series: Series): void {
    const { shown } = series;
    series.shown = undefined;
    if (shown === undefined) return;
    if (--shown.refs === 1) shown.family.merged--;
    if (shown.refs > 0) return;
    this.#shown.delete(`${shown.family.name}{${shown.labelText}`);
    if (--shown.family.refs === 0) this.#families.delete(shown.family.name);
  }
}

function labelTextOf(labels: readonly Label[]): string {
  return labels.map(({ name, value }) => `${labelName(name)}="${escapeLabelValue(value)}"`)
    .join(",");
}

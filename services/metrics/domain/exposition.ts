// SPDX-License-Identifier: Apache-2.0
/**
 * The fleet in Prometheus text (0.0.4) or OpenMetrics, part by part: what is held at once is
 * one part, however many series there are.
 * @module
 */
import type { Distribution } from "./distribution.ts";
import { formatValue } from "./prometheus_name.ts";
import type { FamilySamples, Sample } from "./sample.ts";
import type { Family, SeriesKind, ShownSeries } from "./series.ts";

/** The text formats. */
export type ExpositionFormat = "prometheus" | "openmetrics";

/** How text is written. */
export interface ExpositionOptions {
  /** Which text. */
  readonly format: ExpositionFormat;
  /** Labels of each group in Prometheus text, e.g. `envoy_node_id="a"`. */
  readonly groupLabels: readonly string[];
  /** Kinds of all families by name: OpenMetrics takes `_total` off names, which may make two equal. */
  readonly kinds?: ReadonlyMap<string, SeriesKind>;
}

/** Characters of a part before it is handed on. */
const PART_LENGTH = 64 * 1024;

/** Yields the text of all families in parts. */
export function* exposition(
  families: Iterable<FamilySamples>,
  { format, groupLabels, kinds = new Map() }: ExpositionOptions,
): Generator<string, void> {
  const writer = new ExpositionWriter(format, kinds);
  for (const { family, samples } of families) {
    writer.begin(family);
    for (const sample of samples) {
      writer.write(sample, groupLabels[sample.group] ?? "");
      if (writer.length >= PART_LENGTH) yield writer.take();
    }
  }
  writer.end();
  yield writer.take();
}

/** Writes samples. Those of one family follow its `begin`. */
export class ExpositionWriter {
  readonly #openMetrics: boolean;
  readonly #kinds: ReadonlyMap<string, SeriesKind>;
  #text = "";
  #family = "";
  #sample = "";

  /** Has written nothing; `kinds` as in {@linkcode ExpositionOptions}. */
  constructor(format: ExpositionFormat, kinds: ReadonlyMap<string, SeriesKind>) {
    this.#openMetrics = format === "openmetrics";
    this.#kinds = kinds;
  }

  /** Characters that were written and not taken. */
  get length(): number {
    return this.#text.length;
  }

  /** Returns what was written since it was taken last. */
  take(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }

  /** Begins a family. */
  begin({ name, kind }: Family): void {
    const isCounter = this.#openMetrics && kind === "counter";
    this.#family = isCounter ? openMetricsCounter(name, this.#kinds) : name;
    this.#sample = isCounter ? `${this.#family}_total` : name;
    this.#text += `# TYPE ${this.#family} ${kind}\n`;
  }

  /** Writes a value with the labels of its group. */
  write({ shown, value, distribution }: Sample, labels: string): void {
    const all = joined(shown, labels);
    if (distribution === undefined) {
      this.#text += `${this.#sample}{${all}} ${formatValue(value)}\n`;
    } else if (shown.family.kind === "histogram") this.#histogram(all, distribution);
    else this.#summary(all, distribution);
  }

  /** Ends the text. */
  end(): void {
    if (this.#openMetrics) this.#text += "# EOF\n";
  }

  #histogram(all: string, { bounds, values, count, sum }: Distribution): void {
    const before = all === "" ? "" : `${all},`;
    let text = "";
    for (const [index, bound] of bounds.entries()) {
      text += `${this.#family}_bucket{${before}le="${this.#bound(bound)}"} ${values[index] ?? 0}\n`;
    }
    text += `${this.#family}_bucket{${before}le="+Inf"} ${count}\n`;
    text += `${this.#family}_sum{${all}} ${formatValue(sum)}\n`;
    this.#text += `${text}${this.#family}_count{${all}} ${count}\n`;
  }

  #summary(all: string, { bounds, values, count, sum }: Distribution): void {
    const before = all === "" ? "" : `${all},`;
    let text = "";
    for (const [index, quantile] of bounds.entries()) {
      const value = formatValue(values[index] ?? 0);
      text += `${this.#family}{${before}quantile="${this.#bound(quantile)}"} ${value}\n`;
    }
    text += `${this.#family}_sum{${all}} ${formatValue(sum)}\n`;
    this.#text += `${text}${this.#family}_count{${all}} ${count}\n`;
  }

  /** OpenMetrics writes bounds as floats, so that equal ones are equal texts. */
  #bound(bound: number): string {
    const text = formatValue(bound);
    return this.#openMetrics && /^-?\d+$/.test(text) ? `${text}.0` : text;
  }
}

function joined({ labelText }: ShownSeries, groupLabels: string): string {
  if (labelText === "") return groupLabels;
  return groupLabels === "" ? labelText : `${labelText},${groupLabels}`;
}

/**
 * Samples of counters must end in `_total`, and their family not. Envoy has counters of either sort,
 * and pairs such as `upstream_rq_total` and, with the code as a tag, `upstream_rq`.
 */
function openMetricsCounter(name: string, kinds: ReadonlyMap<string, SeriesKind>): string {
  if (!name.endsWith("_total")) return kinds.has(`${name}_total`) ? `${name}_tagged` : name;
  const bare = name.slice(0, -"_total".length);
  const other = kinds.get(bare);
  return other === undefined || other === "counter" ? bare : name;
}

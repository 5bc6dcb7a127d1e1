// SPDX-License-Identifier: Apache-2.0
/**
 * Reads Prometheus text, to compare two of them.
 * @module
 */

/** A text, read. */
export interface PrometheusText {
  /** Kind of each family by its name. */
  readonly kinds: ReadonlyMap<string, string>;
  /** Values by name and sorted labels, e.g. `x{a="1",b="2"}`. */
  readonly samples: ReadonlyMap<string, number>;
}

/** Reads a text; labels whose names are in `without` are left out. */
export function readPrometheusText(
  text: string,
  without: readonly string[] = [],
): PrometheusText {
  const kinds = new Map<string, string>();
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type?.[1] !== undefined && type[2] !== undefined) kinds.set(type[1], type[2]);
    const sample = /^([a-zA-Z_:][\w:]*)\{(.*)\} (\S+)$/.exec(line);
    if (sample === null) continue;
    const [, name = "", labels = "", value] = sample;
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
      .filter(([, label = ""]) => !without.includes(label))
      .map(([pair]) => pair).sort();
    samples.set(`${name}{${pairs.join(",")}}`, Number(value));
  }
  return { kinds, samples };
}

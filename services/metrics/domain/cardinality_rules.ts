// SPDX-License-Identifier: Apache-2.0
/**
 * Which series are kept, and with which labels: the first rule that a series matches and that keeps
 * or drops it decides; rules that change labels apply on the way.
 * @module
 */
import type { TextPattern } from "@denvoy/base";
import type { Label } from "./label.ts";

/** What a rule looks at; all that is given must match. */
export interface RuleMatch {
  /** The name without tags, e.g. `cluster.upstream_rq_*`, or as Prometheus has it. */
  readonly name?: TextPattern;
  /** Values of labels by name; an absent label is an empty value. */
  readonly labels: readonly { readonly name: string; readonly value: TextPattern }[];
}

/** What a rule does with what it matches. */
export type RuleAction =
  | { readonly kind: "keep" }
  | { readonly kind: "drop" }
  | { readonly kind: "drop_labels"; readonly names: readonly TextPattern[] }
  | {
    readonly kind: "rewrite_label";
    readonly name: string;
    readonly pattern: RegExp;
    readonly replacement: string;
  };

/** One rule. */
export interface CardinalityRule {
  /** Where it stands, for people, e.g. `rules.yaml:3`. */
  readonly place: string;
  /** What it is about. */
  readonly match: RuleMatch;
  /** What happens. */
  readonly action: RuleAction;
}

/** Name and labels of a series. */
export interface NamedLabels {
  /** Name without tags. */
  readonly name: string;
  /** Its labels. */
  readonly labels: readonly Label[];
}

/** Rules in order. */
export class CardinalityRules {
  /** Keeps everything as it is. */
  static readonly none: CardinalityRules = new CardinalityRules([], "keep");
  /** The rules. */
  readonly rules: readonly CardinalityRule[];
  readonly #otherwise: "keep" | "drop";

  /** `otherwise` is what becomes of series that no rule keeps or drops. */
  constructor(rules: readonly CardinalityRule[], otherwise: "keep" | "drop") {
    this.rules = rules;
    this.#otherwise = otherwise;
  }

  /** Returns how a series is shown; undefined when it is dropped. */
  apply(series: NamedLabels): NamedLabels | undefined {
    const { name } = series;
    let { labels } = series;
    for (const { match, action } of this.rules) {
      if (!matches(match, { name, labels })) continue;
      switch (action.kind) {
        case "keep":
          return { name, labels };
        case "drop":
          return undefined;
        default:
          labels = changeLabels(labels, action);
      }
    }
    return this.#otherwise === "keep" ? { name, labels } : undefined;
  }
}

function matches(match: RuleMatch, { name, labels }: NamedLabels): boolean {
  if (match.name !== undefined && !match.name.matches(name)) return false;
  return match.labels.every((wanted) => {
    const value = labels.find((label) => label.name === wanted.name)?.value ?? "";
    return wanted.value.matches(value);
  });
}

type LabelAction = Extract<RuleAction, { readonly kind: "drop_labels" | "rewrite_label" }>;

function changeLabels(labels: readonly Label[], action: LabelAction): readonly Label[] {
  if (action.kind === "drop_labels") {
    return labels.filter(({ name }) => !action.names.some((pattern) => pattern.matches(name)));
  }
  return labels.map((label) => {
    if (label.name !== action.name) return label;
    return { name: label.name, value: label.value.replace(action.pattern, action.replacement) };
  });
}

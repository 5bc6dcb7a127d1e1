// SPDX-License-Identifier: Apache-2.0
/**
 * Limits of files and of resources together: which resources can count beside the others, and what
 * counts then. Files are whole and come first; resources are taken or refused one by one.
 * @module
 */
import { ruleLevel } from "./limit_file.ts";
import { type LimitResource, problemWords } from "./limit_resource.ts";
import type { DomainLimits } from "./limit_rule.ts";
import { domainConflicts, LimitSet, type LimitSetOptions } from "./limit_set.ts";

/** What is judged, and beside what. */
export interface LimitOffer extends LimitSetOptions {
  /** Limits of files; undefined without any. */
  readonly files: LimitSet | undefined;
  /** Resources that count, by name. */
  readonly accepted: ReadonlyMap<string, DomainLimits>;
  /** Resources that are new or changed, by name. */
  readonly offered: ReadonlyMap<string, LimitResource>;
  /** Names of resources that are gone. */
  readonly removed: readonly string[];
}

/** What becomes of an offer. */
export interface LimitJudgement {
  /** Why resources are refused, by name; what they were before goes on counting. */
  readonly refused: ReadonlyMap<string, string>;
  /** Resources that count from now on, by name. */
  readonly accepted: ReadonlyMap<string, DomainLimits>;
}

/** All limits together. */
export interface CombinedLimits {
  /** What counts. */
  readonly set: LimitSet;
  /** Why accepted resources do not count: files took their place since. By name. */
  readonly hidden: ReadonlyMap<string, string>;
}

/**
 * Judges an offer. A resource that is refused keeps what it was, beside which the others of the offer
 * have to be able to count, too.
 */
export function judgeLimits(offer: LimitOffer): LimitJudgement {
  const { accepted, offered, removed } = offer;
  const refused = new Map<string, string>();
  for (const [name, resource] of offered) if (!resource.ok) refused.set(name, resource.message);
  while (true) {
    const table = new DomainTable(offer);
    const next = new Map<string, DomainLimits>();
    for (const [name, limits] of accepted) {
      if (removed.includes(name) || offered.has(name) && !refused.has(name)) continue;
      table.add(limits);
      next.set(name, limits);
    }
    const before = refused.size;
    for (const [name, resource] of offered) {
      if (!resource.ok || refused.has(name)) continue;
      const conflict = table.conflict(resource.limits);
      if (conflict !== undefined) refused.set(name, conflict);
      else {
        table.add(resource.limits);
        next.set(name, resource.limits);
      }
    }
    const hasComeBack = [...refused.keys()].slice(before).some((name) => accepted.has(name));
    if (!hasComeBack) return { refused, accepted: next };
  }
}

/** Returns what counts of files and accepted resources. */
export function combineLimits(
  { files, accepted, ...options }: Omit<LimitOffer, "offered" | "removed">,
): CombinedLimits {
  const table = new DomainTable({ files, ...options });
  const hidden = new Map<string, string>();
  for (const [name, limits] of accepted) {
    const conflict = table.conflict(limits);
    if (conflict === undefined) table.add(limits);
    else hidden.set(name, conflict);
  }
  return { set: table.toSet(), hidden };
}

/** Limits by domain, each addition checked against those before. */
class DomainTable {
  readonly #options: LimitSetOptions;
  readonly #domains = new Map<string, DomainLimits>();

  constructor({ files, ...options }: LimitSetOptions & { readonly files: LimitSet | undefined }) {
    this.#options = options;
    for (const [domain, { byComposite }] of files?.domains ?? []) {
      const rules = [...byComposite.values()];
      this.#domains.set(domain, { domain, rules, place: rules[0]?.place ?? { line: 1 } });
    }
  }

  conflict(limits: DomainLimits): string | undefined {
    const first = this.#domains.get(limits.domain);
    if (first === undefined) return undefined;
    const conflicts = domainConflicts(first, limits, this.#options);
    return conflicts.length === 0 ? undefined : problemWords(conflicts);
  }

  add(limits: DomainLimits): void {
    const first = this.#domains.get(limits.domain);
    const rules = first === undefined ? limits.rules : [...first.rules, ...limits.rules];
    this.#domains.set(limits.domain, { ...first ?? limits, rules });
  }

  toSet(): LimitSet {
    const levels = [...this.#domains].map(([domain, { rules }]) =>
      [domain, ruleLevel(rules)] as const
    );
    return new LimitSet(new Map(levels));
  }
}

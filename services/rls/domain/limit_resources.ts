// SPDX-License-Identifier: Apache-2.0
/**
 * Limits of files and of resources together: which of them count when several say something of one
 * domain. That is no fault of a resource by itself, so that none is refused for it: it waits until what
 * stands in its way is gone. Who comes first does not depend on who came first, or replicas would
 * count differently.
 * @module
 */
import { ruleLevel } from "./rule_level.ts";
import { problemWords } from "./limit_resource.ts";
import type { DomainLimits } from "./limit_rule.ts";
import { domainConflicts, LimitSet, type LimitSetOptions } from "./limit_set.ts";

/** What is joined. */
export interface LimitParts extends LimitSetOptions {
  /** Limits of files, which come first; undefined without any. */
  readonly files: LimitSet | undefined;
  /** Limits of resources by name, which come in the order of their names. */
  readonly resources: ReadonlyMap<string, DomainLimits>;
}

/** All limits together. */
export interface CombinedLimits {
  /** What counts. */
  readonly set: LimitSet;
  /** Why resources do not count, by name. */
  readonly hidden: ReadonlyMap<string, string>;
}

/** Returns what counts. A resource counts as a whole or not at all. */
export function combineLimits({ files, resources, ...options }: LimitParts): CombinedLimits {
  const domains = new Map<string, DomainLimits>();
  for (const [domain, { byComposite }] of files?.domains ?? []) {
    const rules = [...byComposite.values()];
    domains.set(domain, { domain, rules, place: rules[0]?.place ?? { line: 1 } });
  }
  const hidden = new Map<string, string>();
  for (const [name, limits] of [...resources].sort(([a], [b]) => a < b ? -1 : 1)) {
    const first = domains.get(limits.domain);
    const conflicts = first === undefined ? [] : domainConflicts(first, limits, options);
    if (conflicts.length > 0) hidden.set(name, problemWords(conflicts));
    else {
      const rules = [...first?.rules ?? [], ...limits.rules];
      domains.set(limits.domain, { ...first ?? limits, rules });
    }
  }
  const levels = [...domains].map(([domain, { rules }]) => [domain, ruleLevel(rules)] as const);
  return { set: new LimitSet(new Map(levels)), hidden };
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Which nodes a resource is for, and which of two selectors that match one node counts. Selectors are
 * values with a canonical key, so that equal ones written in different files are one.
 * @module
 */

/** What a selector looks at in an Envoy node (config.core.v3.Node). */
export interface NodeIdentity {
  /** `node.id`. */
  readonly id: string;
  /** `node.cluster`. */
  readonly cluster: string;
  /** `node.locality`; absent parts are empty strings. */
  readonly locality: NodeLocality;
  /** `node.metadata` as plain JSON. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Where a node or an endpoint runs (config.core.v3.Locality). */
export interface NodeLocality {
  /** Region, e.g. `eu-west-1`. */
  readonly region: string;
  /** Zone within the region. */
  readonly zone: string;
  /** Part of the zone. */
  readonly subZone: string;
}

/** A condition on one metadata value. */
export type MetadataCondition =
  | { readonly kind: "exists"; readonly path: readonly string[]; readonly exists: boolean }
  | {
    readonly kind: "one-of";
    readonly path: readonly string[];
    readonly values: readonly MetadataScalar[];
  };

/** A metadata value that can be compared. */
export type MetadataScalar = string | number | boolean;

/** Conditions that must all hold; within one list any may hold. Empty lists hold for every node. */
export interface SelectorClause {
  /** Node ids; `*` at the start or the end stands for anything. */
  readonly ids: readonly string[];
  /** Node clusters, with `*` as for ids. */
  readonly clusters: readonly string[];
  /** Parts of the locality that must be equal; absent parts may be anything. */
  readonly locality: Partial<NodeLocality>;
  /** Conditions on metadata. */
  readonly metadata: readonly MetadataCondition[];
}

/** A parsed selector: a node matches when one of the clauses holds. */
export interface NodeSelector {
  /** Canonical text; equal selectors have equal keys. Empty for {@linkcode everyNode}. */
  readonly key: string;
  /** Explicit rank among selectors that match one node; higher wins. Default 0. */
  readonly priority: number;
  /** Rank among selectors of equal priority: how narrow the weakest clause is. */
  readonly specificity: number;
  /** Alternatives; none means that every node matches. */
  readonly clauses: readonly SelectorClause[];
}

/** The selector of resources that name no nodes: matches all and ranks below every other. */
export const everyNode: NodeSelector = { key: "", priority: 0, specificity: -1, clauses: [] };

/** Returns the selector made of `clauses`; without clauses, {@linkcode everyNode}. */
export function nodeSelector(clauses: readonly SelectorClause[], priority = 0): NodeSelector {
  if (clauses.length === 0) return everyNode;
  const keys = clauses.map(clauseKey).sort();
  const key = (priority === 0 ? "" : `priority=${priority};`) + keys.join(" | ");
  return { key, priority, specificity: Math.min(...clauses.map(specificityOf)), clauses };
}

/** Tells whether `node` matches. */
export function matchesNode(selector: NodeSelector, node: NodeIdentity): boolean {
  return selector.clauses.length === 0 ||
    selector.clauses.some((clause) => matchesClause(clause, node));
}

/** Orders selectors: the one that counts for a node that both match comes first. */
export function compareSelectors(a: NodeSelector, b: NodeSelector): number {
  const everyLast = Number(a.clauses.length === 0) - Number(b.clauses.length === 0);
  return everyLast || b.priority - a.priority || b.specificity - a.specificity ||
    (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}

/**
 * Tells whether one node could match both selectors and neither ranks above the other, so that
 * nothing but their spelling would decide. Selectors that provably exclude each other never tie.
 */
export function selectorsTie(a: NodeSelector, b: NodeSelector): boolean {
  if (a.key === b.key || a.clauses.length === 0 || b.clauses.length === 0) return false;
  if (a.priority !== b.priority || a.specificity !== b.specificity) return false;
  return a.clauses.some((left) => b.clauses.some((right) => !excludes(left, right)));
}

function matchesClause(clause: SelectorClause, node: NodeIdentity): boolean {
  return matchesAny(clause.ids, node.id) && matchesAny(clause.clusters, node.cluster) &&
    matchesLocality(clause.locality, node.locality) &&
    clause.metadata.every((condition) => matchesMetadata(condition, node.metadata));
}

function matchesAny(patterns: readonly string[], value: string): boolean {
  return patterns.length === 0 || patterns.some((pattern) => matchesGlob(pattern, value));
}

function matchesGlob(pattern: string, value: string): boolean {
  const open = pattern.startsWith("*");
  const trailing = pattern.endsWith("*") && pattern.length > 1;
  if (pattern === "*") return true;
  if (open && trailing) return value.includes(pattern.slice(1, -1));
  if (open) return value.endsWith(pattern.slice(1));
  if (trailing) return value.startsWith(pattern.slice(0, -1));
  return value === pattern;
}

function matchesLocality(wanted: Partial<NodeLocality>, actual: NodeLocality): boolean {
  return (wanted.region ?? actual.region) === actual.region &&
    (wanted.zone ?? actual.zone) === actual.zone &&
    (wanted.subZone ?? actual.subZone) === actual.subZone;
}

function matchesMetadata(
  condition: MetadataCondition,
  metadata: Readonly<Record<string, unknown>>,
): boolean {
  const value = valueAt(condition.path, metadata);
  if (condition.kind === "exists") return (value !== undefined) === condition.exists;
  const actual: readonly unknown[] = Array.isArray(value) ? value : [value];
  return actual.some((item) => condition.values.some((wanted) => wanted === item));
}

/** Follows a dotted path; a key may itself hold dots, as `envoy.lb` does. */
function valueAt(path: readonly string[], value: unknown): unknown {
  if (path.length === 0) return value ?? undefined;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  for (let length = 1; length <= path.length; length++) {
    const key = path.slice(0, length).join(".");
    const found = Object.hasOwn(value, key)
      ? valueAt(path.slice(length), Reflect.get(value, key))
      : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Weights: an id says most, then a cluster, then each metadata condition, then locality parts. */
function specificityOf(clause: SelectorClause): number {
  const locality = Object.values(clause.locality).filter((part) => part !== undefined).length;
  return weakest(clause.ids, 8000) + weakest(clause.clusters, 800) + clause.metadata.length * 20 +
    locality * 4;
}

/** A glob counts for half and its literal length decides between globs. */
function weakest(patterns: readonly string[], exact: number): number {
  if (patterns.length === 0) return 0;
  const weights = patterns.map((pattern) =>
    pattern.includes("*") ? exact / 2 + Math.min(pattern.length, exact / 4) : exact
  );
  return Math.min(...weights);
}

function excludes(a: SelectorClause, b: SelectorClause): boolean {
  return patternsExclude(a.ids, b.ids) || patternsExclude(a.clusters, b.clusters) ||
    localitiesExclude(a.locality, b.locality) ||
    a.metadata.some((left) => b.metadata.some((right) => conditionsExclude(left, right)));
}

function patternsExclude(a: readonly string[], b: readonly string[]): boolean {
  if (a.length === 0 || b.length === 0) return false;
  return a.every((left) => b.every((right) => globsExclude(left, right)));
}

function globsExclude(a: string, b: string): boolean {
  if (!a.includes("*")) return !matchesGlob(b, a);
  if (!b.includes("*")) return !matchesGlob(a, b);
  return headsExclude(a, b) || headsExclude(reversed(a), reversed(b));
}

/** Two globs that fix the start of a value exclude each other when the starts differ. */
function headsExclude(a: string, b: string): boolean {
  const left = a.slice(0, a.indexOf("*"));
  const right = b.slice(0, b.indexOf("*"));
  return !left.startsWith(right) && !right.startsWith(left);
}

function reversed(text: string): string {
  return [...text].reverse().join("");
}

function localitiesExclude(a: Partial<NodeLocality>, b: Partial<NodeLocality>): boolean {
  const parts = ["region", "zone", "subZone"] as const;
  return parts.some((part) =>
    a[part] !== undefined && b[part] !== undefined && a[part] !== b[part]
  );
}

/** Takes metadata for scalars: a list that holds values of both is decided by the keys' order. */
function conditionsExclude(a: MetadataCondition, b: MetadataCondition): boolean {
  if (a.path.join("\0") !== b.path.join("\0")) return false;
  if (a.kind === "exists" && b.kind === "exists") return a.exists !== b.exists;
  if (a.kind === "exists") return !a.exists;
  if (b.kind === "exists") return !b.exists;
  return !a.values.some((value) => b.values.includes(value));
}

function clauseKey(clause: SelectorClause): string {
  const parts = [
    ...listKey("id", clause.ids),
    ...listKey("cluster", clause.clusters),
    ...localityKey(clause.locality),
    ...clause.metadata.map(conditionKey).sort(),
  ];
  return parts.join(",") || "id=*";
}

function listKey(field: string, patterns: readonly string[]): string[] {
  return patterns.length === 0 ? [] : [`${field}=${[...patterns].sort().map(quoted).join("|")}`];
}

function localityKey(locality: Partial<NodeLocality>): string[] {
  const parts: [string, string | undefined][] = [
    ["region", locality.region],
    ["zone", locality.zone],
    ["sub_zone", locality.subZone],
  ];
  return parts.flatMap(([name, value]) => value === undefined ? [] : [`${name}=${quoted(value)}`]);
}

function conditionKey(condition: MetadataCondition): string {
  const path = `metadata.${quoted(condition.path.join("."))}`;
  if (condition.kind === "exists") return condition.exists ? path : `!${path}`;
  return `${path}=${condition.values.map((value) => JSON.stringify(value)).sort().join("|")}`;
}

/** Quotes what could be read as part of the key's own punctuation. */
function quoted(text: string): string {
  return /^[\w.*/:@-]+$/.test(text) ? text : JSON.stringify(text);
}

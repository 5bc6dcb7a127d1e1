// SPDX-License-Identifier: Apache-2.0
/**
 * Finds references that lead nowhere. After a change only what it touched and who references that
 * is looked at; a reference that was broken before is not held against the change.
 *
 * What becomes of a broken reference is a policy: `strict` refuses each, `refuse` lets a cluster be
 * there before its endpoints (they register later) and refuses the rest, `warn` lets all pass.
 * @module
 */
import type { Problem } from "@denvoy/base";
import type { Resource, ResourceKey } from "@denvoy/xds";
import type { Catalog, Touched } from "./catalog.ts";
import { describeKey, LB_ENDPOINT, LOAD_ASSIGNMENT } from "./resource_types.ts";
import { type FilePlace, type KeyState, keyText, settled, type Slot } from "./slot.ts";

/** What a broken reference does to the change that breaks it. */
export type ConsistencyPolicy = "strict" | "refuse" | "warn";

/** All policies, strictest first. */
export const consistencyPolicies: readonly ConsistencyPolicy[] = ["strict", "refuse", "warn"];

/** Returns the references that a change, already applied to `catalog`, has broken. */
export function brokenReferences(
  catalog: Catalog,
  { touched, policy }: { touched: readonly Touched[]; policy: ConsistencyPolicy },
): readonly Problem[] {
  const problems: Problem[] = [];
  for (const entry of touched) {
    for (const target of newlyMissing(catalog, entry)) {
      problems.push(...describeMissing(entry.after, { target, policy, removed: false }));
    }
    problems.push(...elsewhereOnly(catalog, entry.after));
  }
  const before = new Map(touched.map((entry) => [keyText(entry.key), entry.before]));
  for (const entry of touched) {
    if (!entry.before?.served || entry.after?.served) continue;
    if (catalog.elsewhere.has(entry.key.typeUrl)) continue;
    for (const referrer of catalog.referrers(entry.key)) {
      const state = catalog.state(referrer);
      if (isNewReference(before, { referrer, target: entry.key })) continue;
      problems.push(...describeMissing(state, { target: entry.key, policy, removed: true }));
    }
  }
  return problems;
}

/** Returns every reference in the catalog that leads nowhere, as warnings or errors by `policy`. */
export function allBrokenReferences(
  catalog: Catalog,
  policy: ConsistencyPolicy,
): readonly Problem[] {
  const problems: Problem[] = [];
  for (const typeUrl of catalog.typeUrls()) {
    for (const state of catalog.states(typeUrl)) {
      for (const target of state.references.values()) {
        if (targetExists(catalog, target)) continue;
        problems.push(...describeMissing(state, { target, policy, removed: false }));
      }
    }
  }
  return problems;
}

/** A reference held before was broken then already, or is broken by a removal: reported there. */
function* newlyMissing(catalog: Catalog, { before, after }: Touched): Generator<ResourceKey> {
  for (const [text, target] of after?.references ?? []) {
    if (before?.references.has(text) || targetExists(catalog, target)) continue;
    yield target;
  }
}

function isNewReference(
  before: ReadonlyMap<string, KeyState | undefined>,
  { referrer, target }: { referrer: ResourceKey; target: ResourceKey },
): boolean {
  const text = keyText(referrer);
  return before.has(text) && !before.get(text)?.references.has(keyText(target));
}

/** Whether the target is there, or may be where the catalog cannot see it. */
function targetExists(catalog: Catalog, target: ResourceKey): boolean {
  if (catalog.elsewhere.has(target.typeUrl)) return true;
  if (target.typeUrl !== LB_ENDPOINT || !target.name.endsWith("/*")) {
    return catalog.state(target)?.served ?? false;
  }
  const prefix = target.name.slice(0, -1);
  for (const state of catalog.states(LB_ENDPOINT)) {
    if (state.name.startsWith(prefix) && state.served) return true;
  }
  return false;
}

function describeMissing(
  state: KeyState | undefined,
  { target, policy, removed }: {
    target: ResourceKey;
    policy: ConsistencyPolicy;
    removed: boolean;
  },
): readonly Problem[] {
  if (state === undefined) return [];
  const fate = removed ? "would no longer exist" : "does not exist";
  return holdersOf(state, target).map((slot) => ({
    severity: severityOf(target, { policy, removed }),
    message: `${describeKey(state)} references ${describeKey(target)}, which ${fate}`,
    ...placeOf(slot.files?.place),
  }));
}

function severityOf(
  target: ResourceKey,
  { policy, removed }: { policy: ConsistencyPolicy; removed: boolean },
): Problem["severity"] {
  if (policy === "warn") return "warning";
  const comesLater = target.typeUrl === LOAD_ASSIGNMENT || target.typeUrl === LB_ENDPOINT;
  return policy === "refuse" && comesLater && !removed ? "warning" : "error";
}

/** References that some of the referrer's nodes can follow and others perhaps cannot. */
function* elsewhereOnly(catalog: Catalog, state: KeyState | undefined): Generator<Problem> {
  for (const slot of state?.slots ?? []) {
    for (const target of settled(slot)?.resource?.references ?? []) {
      const found = catalog.state(target);
      if (state === undefined || found === undefined || reaches(slot, found)) continue;
      if (!found?.served) continue;
      const message = `${describeKey(state)} references ${describeKey(target)}, which only nodes ` +
        `that match ${found.slots.map(({ selector }) => selector.key).join(" or ")} have`;
      yield { severity: "warning", message, ...placeOf(slot.files?.place) };
    }
  }
}

function reaches(slot: Slot, target: KeyState): boolean {
  return (target.overlay?.endpoints.length ?? 0) > 0 ||
    target.slots.some(({ selector }) =>
      selector.clauses.length === 0 || selector.key === slot.selector.key
    );
}

function holdersOf(state: KeyState, target: ResourceKey): readonly Slot[] {
  const text = keyText(target);
  return state.slots.filter((slot) =>
    references(settled(slot)?.resource, text) || references(slot.canary?.resource, text)
  );
}

function references(resource: Resource | undefined, target: string): boolean {
  return resource?.references.some((reference) => keyText(reference) === target) ?? false;
}

function placeOf(place: FilePlace | undefined): Pick<Problem, "file" | "line"> {
  if (place === undefined) return {};
  return { file: place.file, ...(place.line === undefined ? {} : { line: place.line }) };
}

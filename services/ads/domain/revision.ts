// SPDX-License-Identifier: Apache-2.0
/**
 * The history of what was served: one revision per change that made a difference, each with what a
 * slot served before and after, so that any earlier state can be told from the present one.
 * Registrations, heartbeats and verdicts are not configuration and are not in it.
 * @module
 */
import type { Touched } from "./catalog.ts";
import { settled, type SlotOwner, type SlotRef, slotText } from "./slot.ts";

/** What caused a revision. */
export type RevisionSource = "files" | "api" | "rollback" | "rollout";

/** What a slot served: which content, and from which layer. */
export interface SlotContent {
  /** Version of the resource; absent when a pin hides the slot. */
  readonly version?: string;
  /** The layer it came from. */
  readonly owner: SlotOwner;
}

/** One slot in a revision. */
export interface RevisionChange extends SlotRef {
  /** Before; absent when the slot served nothing. */
  readonly before?: SlotContent;
  /** After; absent when the slot serves nothing any more. */
  readonly after?: SlotContent;
}

/** A revision without its changes. */
export interface RevisionHead {
  /** Counts up from 1. */
  readonly id: number;
  /** When, in milliseconds since the epoch. */
  readonly atMs: number;
  /** Who: a name from the caller's credentials, `anonymous`, or `files`. */
  readonly who: string;
  /** What caused it. */
  readonly source: RevisionSource;
  /** One line for people. */
  readonly summary: string;
}

/** A change that made a difference. */
export interface Revision extends RevisionHead {
  /** What it changed; each slot at most once. */
  readonly changes: readonly RevisionChange[];
}

/** Returns what differs between the states before and after, apart from canaries and overlays. */
export function slotChanges(touched: readonly Touched[]): readonly RevisionChange[] {
  const changes: RevisionChange[] = [];
  for (const { key, before, after } of touched) {
    const selectors = new Map(
      [...before?.slots ?? [], ...after?.slots ?? []].map((
        { selector },
      ) => [selector.key, selector]),
    );
    for (const selector of selectors.values()) {
      const old = contentOf(before?.slot(selector));
      const now = contentOf(after?.slot(selector));
      if (old?.version === now?.version) continue;
      changes.push({
        key,
        selector,
        ...(old ? { before: old } : {}),
        ...(now ? { after: now } : {}),
      });
    }
  }
  return changes;
}

/** Returns what a slot serves, for the history. */
export function contentOf(
  slot: Parameters<typeof settled>[0] | undefined,
): SlotContent | undefined {
  const content = slot && settled(slot);
  if (content === undefined) return undefined;
  const { owner, resource } = content;
  return { owner, ...(resource === undefined ? {} : { version: resource.version }) };
}

/** What a slot served at some revision. */
export interface SlotAt extends SlotRef {
  /** Absent when it served nothing. */
  readonly content?: SlotContent;
}

/**
 * Returns, for every slot that `later` revisions changed, what it served before the first of them.
 * `later` is ordered newest first.
 */
export function contentBefore(later: Iterable<Revision>): ReadonlyMap<string, SlotAt> {
  const slots = new Map<string, SlotAt>();
  for (const { changes } of later) {
    for (const { key, selector, before } of changes) {
      const content = before === undefined ? {} : { content: before };
      slots.set(slotText({ key, selector }), { key, selector, ...content });
    }
  }
  return slots;
}

/** What a slot served at two revisions. */
export interface SlotDifference extends SlotRef {
  /** At the older one; absent when it served nothing. */
  readonly before?: SlotContent;
  /** At the newer one; absent when it served nothing. */
  readonly after?: SlotContent;
}

/**
 * Returns what differs from before `revisions` to after them; they are ordered newest first and have
 * no gaps. A slot that came back to what it was is left out.
 */
export function differences(revisions: readonly Revision[]): readonly SlotDifference[] {
  const after = new Map<string, RevisionChange>();
  for (const { changes } of revisions) {
    for (const change of changes) {
      if (!after.has(slotText(change))) after.set(slotText(change), change);
    }
  }
  const before = contentBefore(revisions);
  return [...after].flatMap(([text, change]) => {
    const old = before.get(text)?.content;
    if (old?.version === change.after?.version) return [];
    const { key, selector } = change;
    return [{
      key,
      selector,
      ...(old ? { before: old } : {}),
      ...(change.after ? { after: change.after } : {}),
    }];
  });
}

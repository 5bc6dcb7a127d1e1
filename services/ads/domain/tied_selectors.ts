// SPDX-License-Identifier: Apache-2.0
/**
 * Finds resources that are given twice for nodes of which nobody said which one counts.
 * @module
 */
import type { Problem } from "@denvoy/base";
import type { Touched } from "./catalog.ts";
import { selectorsTie } from "./node_selector.ts";
import { describeKey } from "./resource_types.ts";
import { settled, type Slot } from "./slot.ts";

/** Returns the ties in the states after a change that were not there before. */
export function tiedSelectors(touched: readonly Touched[]): readonly Problem[] {
  const problems: Problem[] = [];
  for (const { key, before, after } of touched) {
    const slots = (after?.slots ?? []).filter((slot) => settled(slot) !== undefined);
    for (const [index, slot] of slots.entries()) {
      for (const other of slots.slice(index + 1)) {
        if (!selectorsTie(slot.selector, other.selector)) continue;
        if (before?.slot(slot.selector) && before.slot(other.selector)) continue;
        problems.push({
          severity: "error",
          message: `${describeKey(key)} is given for nodes ${slot.selector.key} and for nodes ` +
            `${other.selector.key}, and a node could be both: set a "priority" on one of them` +
            otherPlace(other),
          ...placeOf(slot),
        });
      }
    }
  }
  return problems;
}

function otherPlace({ files }: Slot): string {
  if (files === undefined) return "";
  return `; the other is at ${files.place.file}:${files.place.line ?? 1}`;
}

function placeOf({ files }: Slot): Pick<Problem, "file" | "line"> {
  if (files === undefined) return {};
  const { file, line } = files.place;
  return { file, ...(line === undefined ? {} : { line }) };
}

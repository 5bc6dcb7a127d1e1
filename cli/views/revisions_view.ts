// SPDX-License-Identifier: Apache-2.0
/**
 * The history as a table, and one revision in full.
 * @module
 */
import type { ChangeAnswer, RevisionAnswer } from "../api/answers.ts";
import { age } from "../output/age.ts";
import { table } from "../output/columns.ts";
import { colouredDiff } from "../output/diff.ts";
import type { Styles } from "../output/styles.ts";
import type { ViewOptions } from "./nodes_view.ts";
import { selectorText } from "./selector_text.ts";

/** Returns the table, newest first. */
export function revisionsView(
  revisions: readonly RevisionAnswer[],
  { nowMs }: ViewOptions,
): readonly string[] {
  if (revisions.length === 0) return ["nothing has changed yet"];
  const rows = revisions.map(({ id, at, who, source, changes, summary }) => [
    String(id),
    age(at, nowMs),
    who,
    source,
    String(changes),
    summary,
  ]);
  return table(["REVISION", "AGE", "WHO", "SOURCE", "CHANGES", "SUMMARY"], rows);
}

/** Returns one revision with its differences. */
export function revisionView(
  revision: RevisionAnswer<readonly ChangeAnswer[]>,
  options: ViewOptions,
): readonly string[] {
  const { id, at, who, source, summary, changes } = revision;
  return [
    options.styles.bold(`Revision ${id}`),
    `${at} (${age(at, options.nowMs)} ago) by ${who}, ${source}: ${summary}`,
    "",
    ...changes.flatMap((change) => changeView(change, options.styles)),
  ];
}

/** Returns a change as one line, with its difference below if there is one. */
export function changeView(change: ChangeAnswer, styles: Styles): readonly string[] {
  const nodes = selectorText(change.nodes);
  const line = `${change.type}/${change.name}${nodes && ` (nodes ${nodes})`}`;
  const diff = change.diff?.trimEnd();
  return [
    paintChange(line, change.what, styles),
    ...(diff ? [colouredDiff(diff, styles), ""] : []),
  ];
}

function paintChange(line: string, what: ChangeAnswer["what"], styles: Styles): string {
  switch (what) {
    case "added":
      return styles.green(`+ ${line}`);
    case "removed":
    case "remove":
      return styles.red(`- ${line}`);
    case "changed":
    case "put":
      return styles.yellow(`~ ${line}`);
  }
}

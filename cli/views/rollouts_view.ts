// SPDX-License-Identifier: Apache-2.0
/**
 * Rollouts as a table, and one in full.
 * @module
 */
import type { RolloutAnswer } from "../api/answers.ts";
import { age } from "../output/age.ts";
import { type Cell, table } from "../output/columns.ts";
import type { Styles } from "../output/styles.ts";
import type { ViewOptions } from "./nodes_view.ts";
import { changeView } from "./revisions_view.ts";
import { selectorText } from "./selector_text.ts";

/** Returns the table, latest first. */
export function rolloutsView(
  rollouts: readonly RolloutAnswer[],
  options: ViewOptions,
): readonly string[] {
  if (rollouts.length === 0) return ["there is no rollout"];
  const rows = rollouts.map((rollout): readonly Cell[] => [
    rollout.id,
    statusCell(rollout, options.styles),
    age(rollout.startedAt, options.nowMs),
    rollout.who,
    selectorText(rollout.audience),
    `${rollout.nodes.filter(hasAll).length}/${rollout.nodes.length}`,
    rollout.summary,
  ]);
  return table(["ROLLOUT", "STATUS", "AGE", "WHO", "FIRST TO", "ACCEPTED", "SUMMARY"], rows);
}

/** Returns one rollout with how far each node is. */
export function rolloutView(rollout: RolloutAnswer, options: ViewOptions): readonly string[] {
  const { id, status, why, startedAt, who, audience, rules, changes, nodes, revision } = rollout;
  const { minAcks, soak, timeout, onTimeout } = rules;
  const acks = minAcks === "all" ? "every node" : `${minAcks} nodes`;
  const rows = nodes.map(({ node, pending, acked }) => [
    node,
    acked.join(", ") || "-",
    pending.join(", ") || "-",
  ]);
  return [
    `${options.styles.bold(id)} ${status}${why === undefined ? "" : `: ${why}`}`,
    `started ${age(startedAt, options.nowMs)} ago by ${who}, first to ${selectorText(audience)}`,
    `goes on when ${acks} accepted and after ${soak}; after ${timeout}: ${onTimeout}`,
    ...(revision === undefined ? [] : [`became revision ${revision}`]),
    "",
    ...changes.flatMap((change) => changeView(change, options.styles)),
    ...(rows.length === 0 ? [] : ["", ...table(["NODE", "ACCEPTED", "WAITS FOR"], rows)]),
  ];
}

function statusCell({ status }: RolloutAnswer, styles: Styles): Cell {
  const paint = status === "promoted"
    ? styles.green
    : status === "reverted"
    ? styles.red
    : styles.yellow;
  return { text: status, paint };
}

function hasAll({ pending, acked }: RolloutAnswer["nodes"][number]): boolean {
  return pending.length === 0 && acked.length > 0;
}

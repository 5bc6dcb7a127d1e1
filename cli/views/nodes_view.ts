// SPDX-License-Identifier: Apache-2.0
/**
 * Nodes as a table: how each stands with each type.
 * @module
 */
import type { NodeAnswer, TypeAnswer } from "../api/answers.ts";
import { age } from "../output/age.ts";
import { type Cell, table } from "../output/columns.ts";
import type { Styles } from "../output/styles.ts";
import { typeWords } from "../api/type_words.ts";

/** What a view is shown with. */
export interface ViewOptions {
  /** Colours. */
  readonly styles: Styles;
  /** Now, in milliseconds since the epoch. */
  readonly nowMs: number;
}

/** Returns the table; the nodes with most to look at come first. */
export function nodesView(nodes: readonly NodeAnswer[], options: ViewOptions): readonly string[] {
  if (nodes.length === 0) return ["no node is connected"];
  const words = typesOf(nodes);
  const head = ["NODE", "CLUSTER", "STATUS", "MODE", "CONNECTED", ...words.map(upper)];
  const rows = nodes.toSorted(byUrgency).map((node): readonly Cell[] => [
    node.id,
    node.cluster || "-",
    statusCell(node.status.toUpperCase(), options.styles),
    [...new Set(node.streams.map(({ mode }) => mode))].join(","),
    age(oldest(node), options.nowMs),
    ...words.map((word) => typeCell(typesNamed(node, word), options.styles)),
  ]);
  const errors = nodes.filter(({ status }) => status === "error").length;
  const advice = errors === 0
    ? []
    : ["", `nodes with rejections: ${errors} of ${nodes.length}; see: denvoy inspect rejections`];
  return [...table(head, rows), ...advice];
}

/** Returns a status in its colour. */
export function statusCell(status: string, styles: Styles): Cell {
  return { text: status, paint: (text) => paintStatus(text, styles) };
}

function paintStatus(text: string, styles: Styles): string {
  if (text.startsWith("SYNCED")) return styles.green(text);
  return text.startsWith("ERROR") ? styles.red(text) : styles.yellow(text);
}

function typesOf(nodes: readonly NodeAnswer[]): readonly string[] {
  const found = new Set(
    nodes.flatMap(({ streams }) => streams.flatMap(({ types }) => types.map(({ type }) => type))),
  );
  return [...typeWords, "other"].filter((word) => found.has(word));
}

function typesNamed(node: NodeAnswer, word: string): readonly TypeAnswer[] {
  return node.streams.flatMap(({ types }) => types.filter(({ type }) => type === word));
}

/** `SYNCED 5`, `STALE 2/5`: what is not so out of all; a name that nobody has counts for nothing. */
function typeCell(types: readonly TypeAnswer[], styles: Styles): Cell {
  if (types.length === 0) return "-";
  const sum = (pick: (type: TypeAnswer) => number) => types.reduce((n, type) => n + pick(type), 0);
  const all = sum(({ resources, missing }) => resources - missing);
  const rejected = sum((type) => type.rejected);
  const stale = sum((type) => type.stale);
  const isNew = types.every(({ acceptedAt }) => acceptedAt === undefined);
  if (rejected > 0) return statusCell(`ERROR ${rejected}/${all}`, styles);
  if (stale > 0) return statusCell(`${isNew ? "NOT SENT" : "STALE"} ${stale}/${all}`, styles);
  return statusCell(`SYNCED ${all}`, styles);
}

function byUrgency(a: NodeAnswer, b: NodeAnswer): number {
  const rank = { error: 0, stale: 1, synced: 2 };
  return rank[a.status] - rank[b.status] || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

function oldest({ streams }: NodeAnswer): string | undefined {
  return streams.map(({ since }) => since).sort()[0];
}

function upper(word: string): string {
  return word.toUpperCase();
}

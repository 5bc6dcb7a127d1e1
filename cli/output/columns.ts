// SPDX-License-Identifier: Apache-2.0
/**
 * Text in columns: wrapped paragraphs beside their heads, and tables.
 * @module
 */
import { wrap } from "@denvoy/runtime";

/** Widest line of help texts. */
export const HELP_WIDTH = 96;

/** A head with what is said of it. */
export interface Entry {
  /** The left column. */
  readonly head: string;
  /** The right column, each from a new line. */
  readonly paragraphs: readonly string[];
}

/** Returns heads on the left and their paragraphs on the right; a long head has its own line. */
export function entries(list: readonly Entry[], indent = 28): readonly string[] {
  return list.flatMap(({ head, paragraphs }) => {
    const left = `  ${head}`;
    const pad = " ".repeat(indent);
    const right = paragraphs.flatMap((text) => wrap(text, HELP_WIDTH - indent));
    const [first = "", ...rest] = right;
    const top = left.length < indent - 1 ? [left.padEnd(indent) + first] : [left, pad + first];
    return [...top, ...rest.map((line) => pad + line)].map((line) => line.trimEnd());
  });
}

/** A cell of a table: text, or text whose look does not change its width. */
export type Cell = string | { readonly text: string; paint(text: string): string };

/** Returns the lines of a table whose columns are as wide as their widest cell. */
export function table(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
): readonly string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => textOf(row[column]).length))
  );
  return [head, ...rows].map((row) =>
    row.map((cell, column) => {
      const text = textOf(cell);
      const padding = " ".repeat(Math.max(0, (widths[column] ?? 0) - text.length));
      const painted = typeof cell === "string" ? text : cell.paint(text);
      return painted + (column === row.length - 1 ? "" : padding);
    }).join("   ").trimEnd()
  );
}

function textOf(cell: Cell | undefined): string {
  return typeof cell === "string" ? cell : cell?.text ?? "";
}

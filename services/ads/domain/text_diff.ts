// SPDX-License-Identifier: Apache-2.0
/**
 * Differences between two texts by lines, in the unified form that people and `patch` read. Shortest
 * edit script by Myers' greedy algorithm; texts too different for it are shown as replaced whole.
 * @module
 */

/** The most edit steps that are searched for; beyond that the middle is replaced as one block. */
const MAX_EDITS = 2000;

/** How a diff is shown. */
export interface DiffOptions {
  /** Name of the old text in the header. */
  readonly oldName: string;
  /** Name of the new text in the header. */
  readonly newName: string;
  /** Unchanged lines around a change. Default 3. */
  readonly context?: number;
}

interface Line {
  readonly sign: " " | "-" | "+";
  readonly text: string;
}

/** Returns the unified diff; an empty string when the texts are equal. An absent text is empty. */
export function unifiedDiff(
  { before, after }: { before: string | undefined; after: string | undefined },
  { oldName, newName, context = 3 }: DiffOptions,
): string {
  const lines = diffLines(splitLines(before), splitLines(after));
  if (lines.every(({ sign }) => sign === " ")) return "";
  const header = `--- ${before === undefined ? "/dev/null" : oldName}\n` +
    `+++ ${after === undefined ? "/dev/null" : newName}\n`;
  return header + hunks(lines, context).join("");
}

function splitLines(text: string | undefined): readonly string[] {
  if (text === undefined || text === "") return [];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** Equal heads and tails are set apart first: most changes are small. */
function diffLines(before: readonly string[], after: readonly string[]): readonly Line[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  const most = Math.min(before.length, after.length) - head;
  while (tail < most && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  return [
    ...signed(" ", before.slice(0, head)),
    ...diffMiddle(
      before.slice(head, before.length - tail),
      after.slice(head, after.length - tail),
    ),
    ...signed(" ", before.slice(before.length - tail)),
  ];
}

function signed(sign: Line["sign"], texts: readonly string[]): readonly Line[] {
  return texts.map((text) => ({ sign, text }));
}

function diffMiddle(before: readonly string[], after: readonly string[]): readonly Line[] {
  const trace = searchEdits(before, after);
  if (trace === undefined) return [...signed("-", before), ...signed("+", after)];
  return walkBack(trace, { before, after });
}

/** Returns the furthest x per diagonal before each step; undefined when MAX_EDITS do not suffice. */
function searchEdits(
  before: readonly string[],
  after: readonly string[],
): readonly ReadonlyMap<number, number>[] | undefined {
  const trace: Map<number, number>[] = [];
  let reach = new Map([[1, 0]]);
  for (let edits = 0; edits <= Math.min(before.length + after.length, MAX_EDITS); edits++) {
    trace.push(reach);
    const next = new Map<number, number>();
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let x = stepInto(reach, { diagonal, edits });
      while (
        x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]
      ) {
        x++;
      }
      next.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length) return trace;
    }
    reach = next;
  }
  return undefined;
}

function stepInto(
  reach: ReadonlyMap<number, number>,
  { diagonal, edits }: { diagonal: number; edits: number },
): number {
  const down = reach.get(diagonal + 1) ?? -1;
  const right = reach.get(diagonal - 1) ?? -1;
  return diagonal === -edits || diagonal !== edits && right < down ? down : right + 1;
}

function walkBack(
  trace: readonly ReadonlyMap<number, number>[],
  { before, after }: { before: readonly string[]; after: readonly string[] },
): readonly Line[] {
  const lines: Line[] = [];
  let x = before.length;
  let y = after.length;
  for (let edits = trace.length - 1; edits >= 0; edits--) {
    const reach = trace[edits] ?? new Map<number, number>();
    const diagonal = x - y;
    const fromX = stepInto(reach, { diagonal, edits });
    const inserted = diagonal === -edits ||
      diagonal !== edits && (reach.get(diagonal - 1) ?? -1) < (reach.get(diagonal + 1) ?? -1);
    while (x > fromX && y > 0 && x > 0 && before[x - 1] === after[y - 1]) {
      lines.push({ sign: " ", text: before[--x] ?? "" });
      y--;
    }
    if (edits === 0) break;
    if (inserted) lines.push({ sign: "+", text: after[--y] ?? "" });
    else lines.push({ sign: "-", text: before[--x] ?? "" });
  }
  return lines.reverse();
}

function hunks(lines: readonly Line[], context: number): readonly string[] {
  const changed = lines.flatMap(({ sign }, index) => sign === " " ? [] : [index]);
  const ranges: { from: number; to: number }[] = [];
  for (const index of changed) {
    const from = Math.max(0, index - context);
    const to = Math.min(lines.length, index + context + 1);
    const last = ranges.at(-1);
    if (last !== undefined && from <= last.to) last.to = to;
    else ranges.push({ from, to });
  }
  let oldLine = 1;
  let newLine = 1;
  let at = 0;
  return ranges.map(({ from, to }) => {
    for (; at < from; at++, oldLine++, newLine++);
    const body = lines.slice(from, to);
    const header = `@@ -${span(oldLine, body, "+")} +${span(newLine, body, "-")} @@\n`;
    for (; at < to; at++) {
      if (lines[at]?.sign !== "+") oldLine++;
      if (lines[at]?.sign !== "-") newLine++;
    }
    return header + body.map(({ sign, text }) => `${sign}${text}\n`).join("");
  });
}

function span(start: number, body: readonly Line[], foreign: Line["sign"]): string {
  const count = body.filter(({ sign }) => sign !== foreign).length;
  const first = count === 0 ? start - 1 : start;
  return count === 1 ? `${first}` : `${first},${count}`;
}

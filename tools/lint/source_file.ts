// SPDX-License-Identifier: Apache-2.0
/**
 * What the house rules need to know of a file: where it stands and what stands before its nodes.
 * @module
 */

/** Tells whether a path is a test, a suite that tests share, or data for tests. */
export function isTestFile(path: string): boolean {
  return /_(test|bench)\.ts$|(^|\/)(tests|testing|testdata|benches)\/|_contract\.ts$/.test(path);
}

/** Tells whether a path is written by a generator, which keeps rules of its own. */
export function isGenerated(path: string): boolean {
  return /(^|\/)libs\/proto\/gen\//.test(path);
}

/** Tells whether a path is in a zone that does no I/O and knows no time and no chance. */
export function isPureZone(path: string): boolean {
  return /(^|\/)(libs\/(base|xds)|services\/[^/]+\/domain)\//.test(path) && !isTestFile(path);
}

/** Returns the doc comment right before a node, without its marks; undefined without one. */
export function docComment(
  source: Deno.lint.SourceCode,
  node: Deno.lint.Node,
): string | undefined {
  const blocks = source.getCommentsBefore(node).filter((comment) => comment.type === "Block");
  const last = blocks.at(-1);
  if (last === undefined || !last.value.startsWith("*")) return undefined;
  // Only white space and line comments (lint directives) may stand between the two.
  const between = source.text.slice(last.range[1], node.range[0]);
  return /^(\s|\/\/[^\n]*\n)*$/.test(between) ? last.value.slice(1).trim() : undefined;
}

/** Returns the number of lines that a node covers. */
export function lineCount(source: Deno.lint.SourceCode, node: Deno.lint.Node): number {
  return source.text.slice(...node.range).split("\n").length;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Colours for people.
 * @module
 */

/** Wraps texts in colours, or returns them as they are. */
export interface Styles {
  /** For headings. */
  bold(text: string): string;
  /** For what matters less. */
  dim(text: string): string;
  /** For errors and what goes. */
  red(text: string): string;
  /** For what is well and what comes. */
  green(text: string): string;
  /** For warnings and what is not done yet. */
  yellow(text: string): string;
  /** For places. */
  cyan(text: string): string;
}

/** Returns the styles of a coloured or a plain output. */
export function stylesFor(coloured: boolean): Styles {
  return {
    bold: style(1, coloured),
    dim: style(2, coloured),
    red: style(31, coloured),
    green: style(32, coloured),
    yellow: style(33, coloured),
    cyan: style(36, coloured),
  };
}

function style(code: number, coloured: boolean): (text: string) => string {
  if (!coloured) return (text) => text;
  return (text) => text === "" ? "" : `\x1b[${code}m${text}\x1b[0m`;
}

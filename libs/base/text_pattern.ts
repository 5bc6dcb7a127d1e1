// SPDX-License-Identifier: Apache-2.0
/**
 * Patterns in settings and rules: a text in which `*` stands for any number of characters.
 * @module
 */

/** A pattern, split once. Matching takes time linear in the text. */
export class TextPattern {
  /** The pattern as it was written. */
  readonly text: string;
  readonly #parts: readonly string[];

  /** Any text is a pattern; one without `*` matches only itself. */
  constructor(text: string) {
    this.text = text;
    this.#parts = text.split("*");
  }

  /** Tells whether a text is of the pattern. */
  matches(text: string): boolean {
    const first = this.#parts[0] ?? "";
    if (this.#parts.length === 1) return text === first;
    const last = this.#parts.at(-1) ?? "";
    const end = text.length - last.length;
    if (end < first.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    let from = first.length;
    for (const part of this.#parts.slice(1, -1)) {
      const at = text.indexOf(part, from);
      if (at < 0 || at + part.length > end) return false;
      from = at + part.length;
    }
    return true;
  }
}

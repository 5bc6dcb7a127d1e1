// SPDX-License-Identifier: Apache-2.0
/**
 * Patterns in settings and rules: a text in which `*` stands for any number of characters.
 * @module
 */

/** A pattern, split once. */
export class TextPattern {
  /** The pattern as it was written. */
  readonly text: string;
  readonly #isExact: boolean;
  readonly #prefix: string;
  readonly #middle: readonly string[];
  readonly #suffix: string;

  /** Any text is a pattern; one without `*` matches only itself. */
  constructor(text: string) {
    const [prefix = "", ...rest] = text.split("*");
    this.text = text;
    this.#isExact = rest.length === 0;
    this.#prefix = prefix;
    this.#suffix = rest.pop() ?? "";
    this.#middle = rest.filter((part) => part !== "");
  }

  /** Tells whether a text is of the pattern. Prefix, middle parts and suffix do not overlap. */
  matches(text: string): boolean {
    if (this.#isExact) return text === this.text;
    let from = this.#prefix.length;
    const end = text.length - this.#suffix.length;
    if (end < from || !text.startsWith(this.#prefix) || !text.endsWith(this.#suffix)) return false;
    for (const part of this.#middle) {
      const at = text.indexOf(part, from);
      if (at < 0 || at + part.length > end) return false;
      from = at + part.length;
    }
    return true;
  }
}

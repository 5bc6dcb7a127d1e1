// SPDX-License-Identifier: Apache-2.0
/**
 * Patterns of identities and names: `{word}` stands for one part without a slash and is remembered,
 * `*` for anything. What was remembered of one pattern is put into another.
 * @module
 */
import { err, ok, type Result } from "@denvoy/base";

/** What placeholders stood for. */
export type Bindings = Readonly<Record<string, string>>;

const PART = /\{([^{}]*)\}|\*|[^{}*]+|[{}]/g;
const WORD = /^[a-z][a-z0-9_]*$/;

type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "placeholder"; readonly name: string }
  | { readonly kind: "anything" };

/** A pattern that was read. */
export class NameTemplate {
  /** The names of its placeholders. */
  readonly placeholders: ReadonlySet<string>;
  readonly #parts: readonly Part[];

  private constructor(parts: readonly Part[]) {
    this.#parts = parts;
    this.placeholders = new Set(
      parts.flatMap((part) => part.kind === "placeholder" ? [part.name] : []),
    );
  }

  /** Returns the pattern, or the rule that the text breaks. */
  static parse(text: string): Result<NameTemplate, string> {
    if (text === "") return err("must not be empty");
    const parts: Part[] = [];
    for (const [part, name] of text.matchAll(PART)) {
      if (part === "*") parts.push({ kind: "anything" });
      else if (name !== undefined && WORD.test(name)) parts.push({ kind: "placeholder", name });
      else if (/[{}]/.test(part)) {
        return err(`placeholders must be words such as {service}: current value is "${text}"`);
      } else parts.push({ kind: "text", text: part });
    }
    return ok(new NameTemplate(parts));
  }

  /**
   * Returns what the placeholders stand for in `name`; undefined when it does not match. A
   * placeholder of `bindings` stands for its value there, and for nothing else.
   */
  match(name: string, bindings: Bindings = {}): Bindings | undefined {
    const found = new RegExp(`^${this.#source(bindings)}$`, "s").exec(name);
    return found === null ? undefined : { ...bindings, ...found.groups };
  }

  /** Tells whether all that it matches begins with `text`, by what is written and not by chance. */
  beginsWith(text: string): boolean {
    const [first] = this.#parts;
    return first?.kind === "text" && first.text.startsWith(text);
  }

  /** Returns the text with all placeholders put in; undefined when one has no value, or with `*`. */
  fill(bindings: Bindings): string | undefined {
    let text = "";
    for (const part of this.#parts) {
      const value = part.kind === "text"
        ? part.text
        : part.kind === "placeholder" && Object.hasOwn(bindings, part.name)
        ? bindings[part.name]
        : undefined;
      if (value === undefined) return undefined;
      text += value;
    }
    return text;
  }

  #source(bindings: Bindings): string {
    const seen = new Set<string>();
    return this.#parts.map((part) => {
      if (part.kind === "anything") return ".*";
      if (part.kind === "text") return RegExp.escape(part.text);
      const bound = Object.hasOwn(bindings, part.name) ? bindings[part.name] : undefined;
      if (bound !== undefined) return RegExp.escape(bound);
      if (seen.has(part.name)) return `\\k<${part.name}>`;
      seen.add(part.name);
      return `(?<${part.name}>[^/]+)`;
    }).join("");
  }
}

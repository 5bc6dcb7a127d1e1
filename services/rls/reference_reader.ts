// SPDX-License-Identifier: Apache-2.0
/**
 * Reads variables of envoyproxy/ratelimit and gathers what they mean by the names of our own, with the
 * variable that each value came from, so that an error names what the user set.
 * @module
 */
import type { Problem } from "@denvoy/base";
import { rlsSchema } from "./config.ts";

/** Reads one variable; undefined when it is not set. */
export type ReadVariable = (name: string) => string | undefined;

/** What the variables mean. */
export interface ReferenceEnvironment {
  /** Values by the names of our own variables. */
  readonly env: Readonly<Record<string, string>>;
  /** The variables that each value came from, by those names. */
  readonly envOrigins: Readonly<Record<string, string>>;
  /** What is wrong with variables that give no value. */
  readonly envProblems: readonly Problem[];
}

/** Returns what Go's strconv.ParseBool does; undefined for what it refuses. */
export function goBoolean(text: string): boolean | undefined {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  return undefined;
}

/** Gathers. */
export class ReferenceReader {
  readonly #read: ReadVariable;
  readonly #env: Record<string, string> = {};
  readonly #origins: Record<string, string> = {};
  readonly #problems = new Map<string, Problem>();

  /** Nothing was gathered yet. */
  constructor(read: ReadVariable) {
    this.#read = read;
  }

  /** Returns a variable's text; undefined when it is not set or empty. */
  text(name: string): string | undefined {
    return this.#read(name) || undefined;
  }

  /** Returns whether a variable is on; undefined when it is not set. Notes what is neither. */
  flag(name: string): boolean | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = goBoolean(text);
    if (value === undefined) {
      const message = `must be true or false: is ${JSON.stringify(text.slice(0, 60))}`;
      this.#problems.set(name, { severity: "error", path: name, message });
    }
    return value;
  }

  /** Notes what `own`, a name without our prefix, is; of `from` those count that are set. */
  put(own: string, text: string, from: readonly string[]): void {
    const name = rlsSchema.envPrefix + own;
    this.#env[name] = text;
    const set = from.filter((origin) => this.text(origin) !== undefined);
    if (set.length > 0) this.#origins[name] = set.join(", ");
  }

  /** Returns what was gathered. */
  result(): ReferenceEnvironment {
    const envProblems = [...this.#problems.values()];
    return { env: this.#env, envOrigins: this.#origins, envProblems };
  }
}

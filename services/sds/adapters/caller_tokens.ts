// SPDX-License-Identifier: Apache-2.0
/**
 * Tokens of callers from a file: an identity and its token a line; empty lines and those that start
 * with `#` are passed over. Only hashes stay in memory.
 * @module
 */
import { createHash } from "node:crypto";
import { type Problem, ProblemError } from "@denvoy/base";
import { readFileContent, textOf } from "@denvoy/runtime";

const SHORTEST_TOKEN = 16;

/** Identities by token. */
export class CallerTokens {
  readonly #identities: ReadonlyMap<string, string>;

  private constructor(identities: ReadonlyMap<string, string>) {
    this.#identities = identities;
  }

  /** Reads a file. Rejects with ProblemError, which quotes no token. */
  static async load(file: string): Promise<CallerTokens> {
    const content = await readFileContent(file);
    const text = content.kind === "bytes" ? textOf(content.bytes) : undefined;
    if (text === undefined) {
      throw new ProblemError([{ severity: "error", file, message: "cannot read tokens" }]);
    }
    const identities = new Map<string, string>();
    const problems: Problem[] = [];
    for (const [index, raw] of text.split("\n").entries()) {
      const line = raw.trim();
      if (line === "" || line.startsWith("#")) continue;
      const [identity = "", token = "", ...more] = line.split(/\s+/);
      if (token.length >= SHORTEST_TOKEN && more.length === 0) {
        identities.set(hashOf(token), identity);
        continue;
      }
      const message = "a line must be an identity and a token of at least " +
        `${SHORTEST_TOKEN} characters`;
      problems.push({ severity: "error", file, line: index + 1, message });
    }
    if (problems.length > 0) throw new ProblemError(problems);
    return new CallerTokens(identities);
  }

  /** Returns whom a token makes its bearer. A hash is looked up, so that time tells nothing. */
  identify(token: string): string | undefined {
    return this.#identities.get(hashOf(token));
  }
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Parses query strings by what a route declares. An undeclared parameter is an error: a misspelt
 * `dryRun` must not turn into a real write.
 * @module
 */
import { didYouMean, StatusCode, StatusError } from "@denvoy/base";
import type { QueryParameter } from "./route.ts";

type Declared = Readonly<Record<string, QueryParameter>>;

/** Returns the values by name. @throws {StatusError} INVALID_ARGUMENT on unknown or bad parameters */
export function parseQuery(query: string, declared: Declared): Readonly<Record<string, unknown>> {
  const given = new URLSearchParams(query);
  for (const name of new Set(given.keys())) {
    if (!Object.hasOwn(declared, name)) {
      const hint = didYouMean(name, Object.keys(declared));
      throw refuse(`unknown query parameter "${name}"${hint ? `, ${hint}` : ""}`);
    }
  }
  return Object.fromEntries(
    Object.entries(declared).map(([name, parameter]) => {
      return [name, parseParameter(name, parameter, given.getAll(name))];
    }),
  );
}

function parseParameter(
  name: string,
  parameter: QueryParameter,
  texts: readonly string[],
): unknown {
  if (parameter.type !== "strings" && texts.length > 1) {
    throw refuse(`query parameter "${name}" must be given once`);
  }
  const wrong = parameter.words && texts.find((text) => !parameter.words?.includes(text));
  if (wrong !== undefined) {
    throw refuse(`query parameter "${name}" must be one of ${parameter.words?.join(", ")}`);
  }
  const [text] = texts;
  switch (parameter.type) {
    case "strings":
      return texts;
    case "string":
      return text;
    case "boolean":
      if (text === undefined || text === "false") return false;
      if (text === "" || text === "true") return true;
      throw refuse(`query parameter "${name}" must be true or false`);
    case "integer":
      if (text === undefined) return undefined;
      if (/^-?\d{1,15}$/.test(text)) return Number(text);
      throw refuse(`query parameter "${name}" must be a whole number`);
  }
}

function refuse(message: string): StatusError {
  return new StatusError(StatusCode.INVALID_ARGUMENT, message);
}

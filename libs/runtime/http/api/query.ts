// SPDX-License-Identifier: Apache-2.0
/**
 * Parses query strings by what a route declares. An undeclared parameter is an error: a misspelt
 * `dryRun` must not turn into a real write.
 * @module
 */
import { didYouMean, StatusCode, StatusError } from "@denvoy/base";
import { parseDuration } from "../../config/units.ts";
import type { QueryParameter, QueryParameters } from "./query_parameter.ts";

/** Returns the values by name. @throws {StatusError} INVALID_ARGUMENT on unknown or bad parameters */
export function parseQuery(
  query: string,
  declared: QueryParameters,
): Readonly<Record<string, unknown>> {
  const given = new URLSearchParams(query);
  for (const name of new Set(given.keys())) {
    if (!Object.hasOwn(declared, name)) {
      const hint = didYouMean(name, Object.keys(declared));
      refuse(`unknown query parameter "${name}"${hint ? `, ${hint}` : ""}`);
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
    return refuse(`query parameter "${name}" must be given once`);
  }
  const wrong = parameter.words && texts.find((text) => !parameter.words?.includes(text));
  if (wrong !== undefined) {
    const words = parameter.words?.join(", ");
    return refuse(`query parameter "${name}" must be one of ${words}: is ${quote(wrong)}`);
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
      return refuse(`query parameter "${name}" must be true or false`);
    case "integer":
      return text === undefined ? parameter.default : parseWhole(name, parameter, text);
    case "duration":
      if (text === undefined) return undefined;
      return parseDuration(text) ??
        refuse(`query parameter "${name}" must be a duration such as 30s: is ${quote(text)}`);
  }
}

function parseWhole(name: string, { min, max }: QueryParameter, text: string): number {
  const number = /^-?\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (number >= (min ?? -Infinity) && number <= (max ?? Infinity)) return number;
  const from = min === undefined ? "" : ` from ${min}`;
  const to = max === undefined ? "" : ` to ${max}`;
  return refuse(
    `query parameter "${name}" must be a whole number${from}${to}: is ${quote(text)}`,
  );
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}

function refuse(message: string): never {
  throw new StatusError(StatusCode.INVALID_ARGUMENT, message);
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Which entries are written: those that a filter wants always, others by a share.
 * @module
 */
import { err, ok, type Result, TextPattern } from "@denvoy/base";
import type { AccessLogLine } from "./access_log_line.ts";

/** One condition: all of its terms hold. */
export interface AccessLogFilter {
  /** The condition as it was written. */
  readonly text: string;
  /** Tells whether a line fulfils it. */
  matches(line: AccessLogLine): boolean;
}

const term = /^\s*([A-Za-z0-9_.-]+)\s*(>=|<=|!=|=|>|<)\s*(.*?)\s*$/;

/**
 * Reads a condition such as `status>=500`, `upstream_cluster=shop*` or
 * `kind=http&duration_ms>1000`; names are those of lines, with dots for what is within.
 */
export function readAccessLogFilter(text: string): Result<AccessLogFilter, string> {
  const terms: ((line: AccessLogLine) => boolean)[] = [];
  for (const part of text.split("&")) {
    const match = term.exec(part);
    if (match === null) return err(`must be of the form field>=value: current value is "${part}"`);
    const [, field = "", operator = "", value = ""] = match;
    const isOrder = operator.startsWith(">") || operator.startsWith("<");
    if (isOrder && (value === "" || Number.isNaN(Number(value)))) {
      return err(`must compare with a number: current value is "${part}"`);
    }
    terms.push(isOrder ? ordered(field, { operator, value }) : equal(field, { operator, value }));
  }
  return ok({ text, matches: (line) => terms.every((one) => one(line)) });
}

interface Comparison {
  readonly operator: string;
  readonly value: string;
}

function ordered(field: string, { operator, value }: Comparison): (line: AccessLogLine) => boolean {
  const bound = Number(value);
  return (line) => {
    const found = valueAt(line, field) ?? 0;
    if (typeof found !== "number") return false;
    switch (operator) {
      case ">=":
        return found >= bound;
      case "<=":
        return found <= bound;
      case ">":
        return found > bound;
      default:
        return found < bound;
    }
  };
}

function equal(field: string, { operator, value }: Comparison): (line: AccessLogLine) => boolean {
  const pattern = new TextPattern(value);
  return (line) => {
    const found = valueAt(line, field) ?? "";
    const list = Array.isArray(found) ? found : [found];
    return list.some((one) => pattern.matches(String(one))) === (operator === "=");
  };
}

/** Names of headers hold no dots, so each dot goes one level down. */
function valueAt(line: AccessLogLine, field: string): unknown {
  let value: unknown = line;
  for (const name of field.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) {
      return undefined;
    }
    value = (value as AccessLogLine)[name];
  }
  return value;
}

/** Takes an even share of what it is asked about, from 0 (none) to 1 (all). */
export class Sampler {
  readonly #share: number;
  #saved = 0;

  /** `share` is from 0 to 1. */
  constructor(share: number) {
    this.#share = share;
  }

  /** Whether the next one is taken. */
  next(): boolean {
    this.#saved += this.#share;
    if (this.#saved < 1) return false;
    this.#saved -= 1;
    return true;
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * How one log line looks, as JSON for programs and as text for people.
 * @module
 */
import type { LogLevel } from "@denvoy/base";
import type { Plain } from "./redact.ts";

/** One log line, ready to be written: its fields are plain and free of secrets. */
export interface Line {
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  /** Its level. */
  readonly level: LogLevel;
  /** Its constant message. */
  readonly message: string;
  /** Its fields. */
  readonly fields: Readonly<Record<string, Plain>>;
}

const COLOURS: Readonly<Record<LogLevel, string>> = {
  debug: "\x1b[2m",
  info: "\x1b[36m",
  warn: "\x1b[33m",
  error: "\x1b[31m",
};

/** Returns the line as one JSON object: `time`, `level`, `message`, then the fields. */
export function jsonLine(line: Line): string {
  const time = new Date(line.timeMs).toISOString();
  const own = { time, level: line.level, message: line.message };
  // A field must not be able to pass for the line's own time, level or message.
  const fields = Object.entries(line.fields).map(([key, value]) =>
    [key in own ? `field_${key}` : key, value] as const
  );
  return JSON.stringify({ ...own, ...Object.fromEntries(fields) });
}

/** Returns the line as text: time, level, message, `key=value`; stacks follow indented. */
export function textLine(line: Line, options: { readonly colour: boolean }): string {
  const time = new Date(line.timeMs).toISOString();
  const level = line.level.toUpperCase().padEnd(5);
  const shown = options.colour ? `${COLOURS[line.level]}${level}\x1b[0m` : level;
  const stacks: string[] = [];
  const fields = Object.entries(line.fields).map(([key, value]) =>
    ` ${printable(key)}=${fieldText(value, stacks)}`
  );
  const head = `${time} ${shown} ${printable(line.message)}${fields.join("")}`;
  return [
    head,
    ...stacks.flatMap((stack) => stack.split("\n")).map((text) => `    ${printable(text)}`),
  ].join("\n");
}

function fieldText(value: Plain, stacks: string[]): string {
  if (isError(value)) {
    if (value.stack !== undefined) stacks.push(value.stack);
    const cause = value.cause === undefined ? "" : ` (cause: ${fieldText(value.cause, stacks)})`;
    return quoted(`${value.name}: ${value.message}`) + cause;
  }
  return typeof value === "string" ? quoted(value) : printable(JSON.stringify(value));
}

function isError(
  value: Plain,
): value is { readonly name: string; readonly message: string; stack?: string; cause?: Plain } {
  return typeof value === "object" && value !== null && "name" in value && "message" in value &&
    "stack" in value;
}

function quoted(text: string): string {
  return /^[\w.:/@+-]+$/.test(text) ? text : printable(JSON.stringify(text));
}

/** What comes from outside must not move the cursor or forge a line. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

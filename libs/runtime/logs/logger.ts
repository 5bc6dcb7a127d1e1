// SPDX-License-Identifier: Apache-2.0
/**
 * The Logger of a running service: filters by level, redacts, and writes a line to standard error.
 * @module
 */
import type { Clock, LogFields, Logger, LogLevel } from "@denvoy/base";
import { systemClock } from "../system_clock.ts";
import { jsonLine, type Line, textLine } from "./line.ts";
import { redact, redactText } from "./redact.ts";

/** How a logger writes. */
export interface LoggerOptions {
  /** The least severe level that is written. @default "info" */
  readonly level?: LogLevel;
  /** `auto` is text on a terminal and JSON elsewhere. @default "auto" */
  readonly format?: "auto" | "json" | "text";
  /** Fields of every line, e.g. the service. */
  readonly fields?: LogFields;
  /** Takes a line without its line end. @default standard error */
  readonly write?: (line: string) => void;
  /** Where the time of a line comes from. @default the system's */
  readonly clock?: Pick<Clock, "nowMs">;
  /** Colours the level of text lines. @default on a terminal unless NO_COLOR is set */
  readonly colour?: boolean;
}

const SEVERITY: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Returns a logger. Its methods never throw: a line that cannot be written is lost. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const terminal = isTerminal();
  const { format = "auto", clock = systemClock, write = writeStderr } = options;
  const colour = options.colour ?? (terminal && !Deno.noColor);
  const text = format === "text" || (format === "auto" && terminal);
  return new LineLogger({
    least: SEVERITY[options.level ?? "info"],
    nowMs: () => clock.nowMs(),
    render: text ? (line) => textLine(line, { colour }) : jsonLine,
    write,
  }, options.fields ?? {});
}

interface Sink {
  readonly least: number;
  readonly nowMs: () => number;
  readonly render: (line: Line) => string;
  readonly write: (line: string) => void;
}

class LineLogger implements Logger {
  readonly #sink: Sink;
  readonly #fields: LogFields;

  constructor(sink: Sink, fields: LogFields) {
    this.#sink = sink;
    this.#fields = fields;
  }

  debug(message: string, fields?: LogFields): void {
    this.#log("debug", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#log("info", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#log("warn", message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#log("error", message, fields);
  }

  with(fields: LogFields): Logger {
    return new LineLogger(this.#sink, { ...this.#fields, ...fields });
  }

  #log(level: LogLevel, message: string, fields?: LogFields): void {
    if (SEVERITY[level] < this.#sink.least) return;
    try {
      const all = redact({ ...this.#fields, ...fields }) as Line["fields"];
      const line = { timeMs: this.#sink.nowMs(), level, message: redactText(message), fields: all };
      this.#sink.write(this.#sink.render(line));
    } catch {
      // Logging must not be able to break what is being logged.
    }
  }
}

const encoder = new TextEncoder();

function writeStderr(line: string): void {
  let rest = encoder.encode(`${line}\n`);
  while (rest.length > 0) rest = rest.subarray(Deno.stderr.writeSync(rest));
}

function isTerminal(): boolean {
  try {
    return Deno.stderr.isTerminal();
  } catch {
    return false;
  }
}

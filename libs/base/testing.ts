// SPDX-License-Identifier: Apache-2.0
/**
 * Fakes with behaviour for the ports of libs/base, and chance that repeats itself.
 * @module
 */
import type { Clock, Timer } from "./clock.ts";
export { Chance } from "./chance.ts";
import type { LogFields, Logger, LogLevel } from "./logger.ts";

/** A clock that stands still until `advance` is called; timers fire in order of their due time. */
export class FakeClock implements Clock {
  #now: number;
  #timers: { dueMs: number; callback: () => void }[] = [];

  /** Starts at `startMs` (default: 2026-01-01T00:00:00Z). */
  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#now = startMs;
  }

  /** The time that was set. */
  nowMs(): number {
    return this.#now;
  }

  /** The same time: a fake clock never steps backwards unless told so. */
  monotonicMs(): number {
    return this.#now;
  }

  /** Registers a timer that `advance` fires. */
  after(delayMs: number, callback: () => void): Timer {
    const timer = { dueMs: this.#now + Math.max(0, delayMs), callback };
    this.#timers.push(timer);
    return { cancel: () => this.#timers = this.#timers.filter((other) => other !== timer) };
  }

  /** Moves time forward by `ms`, firing each timer that comes due, also those set meanwhile. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#now = Math.max(this.#now, next.dueMs);
      this.#timers = this.#timers.filter((other) => other !== next);
      next.callback();
    }
    this.#now = end;
  }

  #next(end: number): { dueMs: number; callback: () => void } | undefined {
    return this.#timers.filter((timer) => timer.dueMs <= end)
      .sort((a, b) => a.dueMs - b.dueMs)[0];
  }
}

/** One line that a {@linkcode RecordingLogger} was given. */
export interface LogLine {
  /** Its level. */
  readonly level: LogLevel;
  /** Its constant message. */
  readonly message: string;
  /** Its own fields and those of `with`. */
  readonly fields: LogFields;
}

/** A logger that keeps its lines, for tests that assert what an operator would read. */
export class RecordingLogger implements Logger {
  /** All lines so far, also those of loggers made by `with`. */
  readonly lines: LogLine[];
  readonly #fields: LogFields;

  /** `lines` and `fields` are for `with`; call it without arguments. */
  constructor(lines: LogLine[] = [], fields: LogFields = {}) {
    this.lines = lines;
    this.#fields = fields;
  }

  /** Records a debug line. */
  debug(message: string, fields?: LogFields): void {
    this.#record("debug", message, fields);
  }

  /** Records an info line. */
  info(message: string, fields?: LogFields): void {
    this.#record("info", message, fields);
  }

  /** Records a warn line. */
  warn(message: string, fields?: LogFields): void {
    this.#record("warn", message, fields);
  }

  /** Records an error line. */
  error(message: string, fields?: LogFields): void {
    this.#record("error", message, fields);
  }

  /** Returns a logger that writes to the same `lines` with more fields. */
  with(fields: LogFields): Logger {
    return new RecordingLogger(this.lines, { ...this.#fields, ...fields });
  }

  #record(level: LogLevel, message: string, fields: LogFields = {}): void {
    this.lines.push({ level, message, fields: { ...this.#fields, ...fields } });
  }
}

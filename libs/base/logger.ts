// SPDX-License-Identifier: Apache-2.0
/**
 * The port through which everything logs: a constant message plus fields. Implementations are in
 * libs/runtime (JSON and text) and in testing.ts.
 * @module
 */

/** How much an operator must care: error = act, warn = degraded, info = lifecycle, debug = detail. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Fields of one log line. An `Error` is written with its message, stack and causes. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes log lines; never throws. Secrets are never passed to it. */
export interface Logger {
  /** Detail of single messages; off by default. */
  debug(message: string, fields?: LogFields): void;
  /** Lifecycle and configuration changes. */
  info(message: string, fields?: LogFields): void;
  /** Degraded but serving. */
  warn(message: string, fields?: LogFields): void;
  /** An operator must act. */
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to each of its lines. */
  with(fields: LogFields): Logger;
}

/** A logger that writes nothing. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLogger,
};

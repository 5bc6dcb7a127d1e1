// SPDX-License-Identifier: Apache-2.0
/**
 * Runs services as a process: help and bad usage, start, signals, drain, exit code.
 *
 * Exit codes: 0 after a drain (and after `--help`, `--version`), 1 when the start failed, 2 for bad
 * usage, 130 when a second signal cut the drain short.
 * @module
 */
import { formatProblem, type Logger, type Problem, ProblemError } from "@denvoy/base";
import { type ConfigInput, loadConfig } from "./config/load.ts";
import type { Fields } from "./config/schema.ts";
import { systemConfigInput } from "./config/system_input.ts";
import { createLogger } from "./logs/logger.ts";
import { redactText } from "./logs/redact.ts";
import { installProcessGuard } from "./process_guard.ts";
import { type ServiceDefinition, type ServiceHandle, startService } from "./start_service.ts";

/** What can be replaced when a process is run. */
export interface RunOptions {
  /** Replaces arguments, environment and files of the process. */
  readonly input?: Partial<ConfigInput>;
}

/** Exit codes of a process that runs services. */
export const EXIT_CODES: Readonly<Record<"ok" | "failed" | "usage" | "interrupted", number>> =
  Object
    .freeze({ ok: 0, failed: 1, usage: 2, interrupted: 130 });

/** Runs one service until a signal ends it, then ends the process. The last call of a `main.ts`. */
export async function runService<F extends Fields>(
  definition: ServiceDefinition<F>,
  options: RunOptions = {},
): Promise<never> {
  const input = systemConfigInput(definition.schema, {
    version: definition.version,
    ...options.input,
  });
  const outcome = loadConfig(definition.schema, input);
  switch (outcome.kind) {
    case "help":
    case "version":
      print(Deno.stdout, `${outcome.text.trimEnd()}\n`);
      return Deno.exit(EXIT_CODES.ok);
    case "invalid":
      printProblems(`cannot start ${definition.schema.service}`, outcome.problems);
      print(Deno.stderr, "Try --help.\n");
      return Deno.exit(EXIT_CODES.usage);
    case "config": {
      const { config } = outcome;
      return Deno.exit(await serveUntilSignal([() => startService(definition, config)]));
    }
  }
}

/**
 * Starts services in order, waits for SIGTERM or SIGINT, drains them all at once; a second signal
 * cuts that short. Returns the exit code and leaves the exit to its caller. When one cannot start,
 * those before it are stopped and its problems printed.
 */
export async function serveUntilSignal(
  starters: readonly (() => Promise<ServiceHandle>)[],
): Promise<number> {
  // First of all: Deno sets up signal handling at the first listener and aborts the process if no
  // file descriptor is left by then.
  using signals = new Signals();
  const handles: ServiceHandle[] = [];
  const escaped: { counter?: { add(): void } } = {};
  using _guard = installProcessGuard((message, error) => {
    processLogger(handles).error(message, { error });
    escaped.counter?.add();
  });
  for (const start of starters) {
    try {
      handles.push(await signals.orInterrupted(start()));
    } catch (error) {
      await Promise.all(handles.map((handle) => handle.stop(0)));
      if (error instanceof Interrupted) return EXIT_CODES.ok;
      printFailure(error);
      return EXIT_CODES.failed;
    }
  }
  const counter = handles[0]?.metrics.counter("escaped_errors_total", {
    help: "Errors in this process that no caller caught; each is a defect and in the log.",
  }).with();
  if (counter !== undefined) escaped.counter = counter;
  const signal = await signals.next();
  processLogger(handles).info("draining", { signal });
  const drained = Promise.all(handles.map((handle) => handle.stop())).then(() => EXIT_CODES.ok);
  return await Promise.race([drained, signals.next().then(() => EXIT_CODES.interrupted)]);
}

/** What belongs to no service is logged with the first that has started. */
function processLogger(handles: readonly ServiceHandle[]): Logger {
  return handles[0]?.logger ?? createLogger();
}

class Interrupted extends Error {}

/** SIGTERM and SIGINT, in the order they come. */
class Signals implements Disposable {
  readonly #names: readonly Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGTERM", "SIGINT"];
  readonly #listeners: (readonly [Deno.Signal, () => void])[];
  readonly #come: Deno.Signal[] = [];
  #wake: () => void = () => {};

  constructor() {
    this.#listeners = this.#names.map((name) => [name, () => this.#note(name)] as const);
    for (const [name, listener] of this.#listeners) Deno.addSignalListener(name, listener);
  }

  /** The next signal that has not been taken. */
  async next(): Promise<Deno.Signal> {
    for (;;) {
      const come = this.#come.shift();
      if (come !== undefined) return come;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Settles as `starting` does, or rejects with Interrupted at a signal; a late start is stopped. */
  async orInterrupted(starting: Promise<ServiceHandle>): Promise<ServiceHandle> {
    const interrupted = new Promise<never>((_, reject) => {
      this.#wake = () => reject(new Interrupted());
    });
    try {
      return await Promise.race([starting, interrupted]);
    } catch (error) {
      if (error instanceof Interrupted) starting.then((handle) => handle.stop(0), () => {});
      throw error;
    } finally {
      this.#wake = () => {};
    }
  }

  [Symbol.dispose](): void {
    for (const [name, listener] of this.#listeners) Deno.removeSignalListener(name, listener);
  }

  #note(name: Deno.Signal): void {
    this.#come.push(name);
    this.#wake();
  }
}

function printFailure(error: unknown): void {
  if (error instanceof ProblemError) return printProblems("cannot start", error.problems);
  const text = error instanceof Error ? error.stack ?? error.message : String(error);
  printError(`error: cannot start: ${text}\n`);
}

function printProblems(title: string, problems: readonly Problem[]): void {
  const lines = problems.map((problem) => `  ${problem.severity}: ${formatProblem(problem)}\n`);
  printError(`${title}:\n${lines.join("")}`);
}

/** What went wrong at the start may quote a file: it is cleaned like the log. */
function printError(text: string): void {
  print(Deno.stderr, redactText(text));
}

function print(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let rest = new TextEncoder().encode(text);
  while (rest.length > 0) rest = rest.subarray(to.writeSync(rest));
}

// SPDX-License-Identifier: Apache-2.0
/**
 * A program that runs beside this one and never outlives it: stopped by SIGTERM, then by SIGKILL,
 * and by a guard when this process dies without saying so.
 * @module
 */
import { TextLineStream } from "./text_lines.ts";

/** What to run. */
export interface ChildOptions {
  /** How messages call it, e.g. `envoy`. */
  readonly name: string;
  /** The program, a path or a name on PATH. */
  readonly command: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its working directory; this process's if absent. */
  readonly cwd?: string;
  /** Called with each line of its standard output and standard error. */
  readonly onLine?: (line: string) => void;
}

/** How a program ended. */
export interface ChildExit {
  /** Its exit code; 128 + number for a signal. */
  readonly code: number;
  /** The signal that ended it, if one did. */
  readonly signal: Deno.Signal | undefined;
}

/** Lines that are kept of a child's output; older ones are forgotten. */
export const keptLines = 5_000;

/** A running program. Disposing it stops it. */
export class Child implements AsyncDisposable {
  /** As in {@linkcode ChildOptions.name}. */
  readonly name: string;
  /** Resolves when the program has ended and all its output has been read. Never rejects. */
  readonly exited: Promise<ChildExit>;
  readonly #process: Deno.ChildProcess;
  readonly #lines: string[] = [];
  #exit: ChildExit | undefined;

  private constructor(options: ChildOptions, process: Deno.ChildProcess) {
    this.name = options.name;
    this.#process = process;
    this.exited = this.#run(options.onLine);
  }

  /** Starts the program; throws when there is none. */
  static start(options: ChildOptions): Child {
    const process = new Deno.Command(options.command, {
      args: [...options.args],
      ...(options.env === undefined ? {} : { env: { ...options.env } }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new Child(options, process);
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** How it ended; undefined while it runs. */
  get exit(): ChildExit | undefined {
    return this.#exit;
  }

  /** The last {@linkcode keptLines} lines of its output, both streams as they came. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** The end of its output, for the message of a failure. */
  lastWords(lines = 40): string {
    return this.#lines.slice(-lines).join("\n");
  }

  /** Sends a signal; does nothing when the program has ended. */
  kill(signal: Deno.Signal): void {
    if (this.#exit !== undefined) return;
    try {
      this.#process.kill(signal);
    } catch (error) {
      // It ended between the check and the signal.
      if (!(error instanceof Deno.errors.NotFound) && !(error instanceof TypeError)) throw error;
    }
  }

  /** Sends SIGTERM, and SIGKILL if the program still runs after `graceMs`. */
  async stop(graceMs = 5_000): Promise<ChildExit> {
    this.kill("SIGTERM");
    const timer = setTimeout(() => this.kill("SIGKILL"), graceMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  /** Stops the program with the default grace. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #run(onLine: ((line: string) => void) | undefined): Promise<ChildExit> {
    await using _guard = OrphanGuard.watch(this.#process.pid);
    const keep = (line: string) => {
      this.#lines.push(line);
      if (this.#lines.length > keptLines) this.#lines.splice(0, keptLines / 10);
      onLine?.(line);
    };
    const [status] = await Promise.all([
      this.#process.status,
      readLines(this.#process.stdout, keep),
      readLines(this.#process.stderr, keep),
    ]);
    this.#exit = { code: status.code, signal: status.signal ?? undefined };
    return this.#exit;
  }
}

async function readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
): Promise<void> {
  const text = stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const line of text) onLine(line);
}

/**
 * Ends a process when this one is gone, even by SIGKILL: a shell waits for the end of a pipe that
 * only this process holds open.
 */
class OrphanGuard implements AsyncDisposable {
  static readonly #script = 'trap "" INT TERM HUP; read _; kill "$1"; sleep 3; kill -KILL "$1"';
  readonly #shell: Deno.ChildProcess;

  private constructor(shell: Deno.ChildProcess) {
    this.#shell = shell;
  }

  static watch(pid: number): OrphanGuard {
    const shell = new Deno.Command("sh", {
      args: ["-c", OrphanGuard.#script, "denvoy-orphan-guard", String(pid)],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    return new OrphanGuard(shell);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#shell.kill("SIGKILL");
    await this.#shell.status;
    await this.#shell.stdin.close().catch(() => {});
  }
}

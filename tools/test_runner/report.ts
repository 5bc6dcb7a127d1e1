// SPDX-License-Identifier: Apache-2.0
/**
 * What a person, or a log, sees of a test run.
 * @module
 */
import { addCounts, formatCounts } from "./counts.ts";
import type { StageResult } from "./run_stage.ts";
import type { Stage } from "./stages.ts";

/** Lines of a failed stage that are shown when it does not say itself where its errors begin. */
const shownLines = 200;

/** How often a log that is no terminal is told what goes on. */
const heartbeatMs = 30_000;

/** Shows stages as they run: one line that changes on a terminal, plain lines elsewhere. */
export class Report implements Disposable {
  readonly #isTerminal = Deno.stdout.isTerminal() && Deno.env.get("CI") === undefined;
  readonly #encoder = new TextEncoder();
  readonly #running = new Map<string, { done: number; last: string }>();
  readonly #heartbeat: ReturnType<typeof setInterval>;

  /** Starts the report. */
  constructor() {
    const interval = this.#isTerminal ? 200 : heartbeatMs;
    this.#heartbeat = setInterval(() => this.#showRunning(), interval);
  }

  /** A stage has begun. */
  begin(stage: Stage): void {
    this.#running.set(stage.name, { done: 0, last: "" });
  }

  /** A stage has printed a line. */
  progress(stage: Stage, line: string): void {
    const state = this.#running.get(stage.name);
    if (state === undefined || line.trim() === "") return;
    if (/ \.\.\. (ok|FAILED|ignored)/.test(line)) state.done++;
    state.last = line;
  }

  /** A stage has ended. */
  end(result: StageResult): void {
    this.#running.delete(result.stage.name);
    this.#clear();
    this.#line(resultLine(result));
    if (result.counts.failed > 0) {
      for (const line of failureLines(result)) this.#line(`    ${line}`);
    }
  }

  /** Everything has ended; `left` are the stages that were not run. The last line is the total. */
  total(results: readonly StageResult[], left: readonly Stage[]): void {
    if (left.length > 0) {
      const names = left.map((stage) => stage.name).join(", ");
      this.#line(`  not run after a failure: ${names}`);
    }
    const seconds = results.reduce((sum, { tookMs }) => sum + tookMs, 0) / 1000;
    this.#line(`  ${seconds.toFixed(1)} s in all stages; whole output in .cache/test-logs`);
    this.#line(formatCounts(addCounts(results.map(({ counts }) => counts))));
  }

  /** Stops showing what runs. */
  [Symbol.dispose](): void {
    clearInterval(this.#heartbeat);
  }

  #showRunning(): void {
    const parts = [...this.#running].map(([name, { done, last }]) =>
      done === 0 ? name : `${name} ${done} (${last.slice(0, 60)})`
    );
    if (parts.length === 0) return;
    this.#clear();
    if (this.#isTerminal) this.#write(`  ${parts.join(" · ")}`.slice(0, 118));
    else this.#line(`  running: ${parts.join(" · ")}`);
  }

  #clear(): void {
    if (this.#isTerminal) this.#write("\r\x1b[2K");
  }

  #line(text: string): void {
    this.#write(`${text}\n`);
  }

  #write(text: string): void {
    const bytes = this.#encoder.encode(text);
    for (let sent = 0; sent < bytes.length;) sent += Deno.stdout.writeSync(bytes.subarray(sent));
  }
}

/** Returns one line for a stage, e.g. `ok      unit        412 passed, 0 failed    12.1 s`. */
export function resultLine({ stage, counts, tookMs }: StageResult): string {
  const verdict = counts.failed > 0 ? "FAILED" : "ok";
  const what = stage.kind === "tests" ? formatCounts(counts) : "";
  const seconds = `${(tookMs / 1000).toFixed(1)} s`;
  return `  ${verdict.padEnd(7)} ${stage.name.padEnd(12)} ${what.padEnd(32)} ${
    seconds.padStart(8)
  }`;
}

/** Returns the part of a failed stage's output that says why. */
export function failureLines({ lines }: StageResult): readonly string[] {
  const start = lines.findIndex((line) => line.trim() === "ERRORS");
  return start >= 0 ? lines.slice(start) : lines.slice(-shownLines);
}

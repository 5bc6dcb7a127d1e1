// SPDX-License-Identifier: Apache-2.0
/**
 * A program that takes a line of JSON and answers with one, as load clients do.
 * @module
 */
import { TextLineStream } from "../../tools/text_lines.ts";

/** A running program of that kind. Disposing it kills it. */
export class JsonProcess implements AsyncDisposable {
  readonly #name: string;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #answers: ReadableStreamDefaultReader<string>;
  readonly #errors: Promise<string>;
  readonly #encoder = new TextEncoder();

  private constructor(name: string, process: Deno.ChildProcess) {
    this.#name = name;
    this.#process = process;
    this.#input = process.stdin.getWriter();
    const text = process.stdout.pipeThrough(new TextDecoderStream());
    this.#answers = text.pipeThrough(new TextLineStream()).getReader();
    this.#errors = new Response(process.stderr).text();
  }

  /** Starts the program. */
  static start(
    name: string,
    { command, args }: { readonly command: string; readonly args: readonly string[] },
  ): JsonProcess {
    const process = new Deno.Command(command, {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new JsonProcess(name, process);
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Sends a request and returns the answer; throws with the program's words when it ends instead. */
  async ask(request: unknown): Promise<unknown> {
    await this.#input.write(this.#encoder.encode(`${JSON.stringify(request)}\n`));
    const answer = await this.#answers.read();
    if (!answer.done) return JSON.parse(answer.value);
    throw new Error(`${this.#name} ended: ${(await this.#errors).trim()}`);
  }

  /** Kills the program and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof Deno.errors.NotFound) && !(error instanceof TypeError)) throw error;
    }
    await this.#process.status;
    await this.#input.abort().catch(() => {});
    await this.#answers.cancel();
    await this.#errors;
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What a person sees of `deno task start`: steps, log lines with the name of who wrote them, hints.
 * @module
 */

/** Writes to the terminal, in colour if it is one and NO_COLOR is not set. */
export class Screen {
  readonly #colour: boolean = Deno.stdout.isTerminal() && Deno.env.get("NO_COLOR") === undefined;
  readonly #encoder = new TextEncoder();

  /** Writes a line as it is. */
  line(text = ""): void {
    const bytes = this.#encoder.encode(`${text}\n`);
    try {
      for (let sent = 0; sent < bytes.length;) sent += Deno.stdout.writeSync(bytes.subarray(sent));
    } catch (error) {
      // The reader of a pipe has gone; what is run goes on, and is stopped by its signal.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    }
  }

  /** Writes that something is up, and where. */
  step(name: string, where: string): void {
    this.line(`  ${this.#paint("32", "✓")} ${name.padEnd(14)} ${where}`);
  }

  /** Writes a log line of a child. */
  log(name: string, text: string): void {
    this.line(`${this.#paint("36", `${name.padEnd(5)} |`)} ${text}`);
  }

  /** Writes a command to try and what it shows. */
  hint(command: string, shows: string): void {
    this.line(`  ${this.#paint("1", command.padEnd(46))} ${shows}`);
  }

  /** Writes a heading. */
  heading(text: string): void {
    this.line(`\n${this.#paint("1", text)}`);
  }

  /** Writes what went wrong. */
  error(text: string): void {
    this.line(`${this.#paint("31", "✗")} ${text}`);
  }

  #paint(code: string, text: string): string {
    return this.#colour ? `\x1b[${code}m${text}\x1b[0m` : text;
  }
}

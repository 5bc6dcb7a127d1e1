// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { join } from "node:path";
import { type Problem, ProblemError } from "@denvoy/base";
import { RecordingLogger } from "@denvoy/base/testing";
import { systemClock } from "../system_clock.ts";
import { type ParsedTexts, TextFileSource, type TextFileState } from "./text_file_source.ts";
import { readTextFiles } from "./text_files.ts";

/** The words of all files; `bad` is an error, `odd` a flaw. */
function parseWords(texts: ReadonlyMap<string, string>): ParsedTexts<readonly string[]> {
  const words: string[] = [];
  const problems: Problem[] = [];
  for (const [file, text] of texts) {
    if (text === "bad") problems.push({ severity: "error", file, message: "must not be bad" });
    else words.push(text);
    if (text === "odd") problems.push({ severity: "warning", file, message: "is odd" });
    if (text === "throw") throw new Error("a mistake in the program");
  }
  return {
    value: problems.some(({ severity }) => severity === "error") ? undefined : words,
    problems,
  };
}

/** A folder of words that is followed. */
class World implements AsyncDisposable {
  readonly path: string = Deno.makeTempDirSync();
  readonly logger: RecordingLogger = new RecordingLogger();
  readonly source: TextFileSource<readonly string[]>;
  /** The value that is in force. */
  words: readonly string[] = [];
  state: TextFileState<readonly string[]> | undefined;
  #wake: () => void = () => {};

  constructor(path = this.path) {
    this.source = new TextFileSource({
      ...{ path, what: "word file", parse: parseWords, logger: this.logger, clock: systemClock },
      onState: (state) => {
        this.state = state;
        if (state.kind === "ok") this.words = state.value;
        this.#wake();
      },
    });
  }

  write(name: string, text: string): void {
    Deno.writeTextFileSync(join(this.path, name), text);
  }

  /** Waits for a state; the test's own time limit bounds it. */
  async until(condition: (world: World) => boolean): Promise<void> {
    while (!condition(this)) await new Promise<void>((resolve) => this.#wake = resolve);
  }

  said(level: string): readonly unknown[] {
    return this.logger.lines.filter((line) => line.level === level).map(({ message, fields }) => [
      message,
      fields.problem,
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.source[Symbol.asyncDispose]();
    await Deno.remove(this.path, { recursive: true }).catch(() => {});
  }
}

Deno.test("TextFileSource reads YAML and JSON files, not hidden or other ones", async () => {
  await using world = new World();
  world.write("a.yaml", "one");
  world.write("b.json", "two");
  world.write("c.txt", "three");
  world.write(".d.yaml", "four");
  await world.source.load({ allowInvalid: false });
  assert.deepEqual(world.state, { kind: "ok", value: ["one", "two"], files: 2 });
});

Deno.test("TextFileSource keeps the last good value while a file is wrong or all are gone", async () => {
  await using world = new World();
  world.write("a.yaml", "one");
  await world.source.load({ allowInvalid: false });
  world.write("b.yaml", "bad");
  await world.until(({ state }) => state?.kind === "failed");
  assert.deepEqual(world.words, ["one"]);
  world.write("b.yaml", "two");
  await world.until(({ state }) => state?.kind === "ok");
  assert.deepEqual(world.words, ["one", "two"]);
  Deno.removeSync(join(world.path, "a.yaml"));
  await world.until(({ words }) => words.length === 1);
  Deno.removeSync(world.path, { recursive: true });
  await world.until(({ state }) => state?.kind === "failed");
  assert.deepEqual(world.words, ["two"]);
});

Deno.test("TextFileSource refuses a bad start unless that is allowed, and is mended then", async () => {
  await using refused = new World();
  refused.write("a.yaml", "bad");
  refused.write("b.yaml", "bad");
  await assert.rejects(refused.source.load({ allowInvalid: false }), (error) => {
    return error instanceof ProblemError && error.problems.length === 2;
  });
  assert.deepEqual(refused.said("error"), [], "the refusal tells its errors by itself");
  await using allowed = new World();
  await allowed.source.load({ allowInvalid: true });
  assert.equal(allowed.state?.kind, "failed");
  allowed.write("a.yaml", "one");
  await allowed.until(({ words }) => words.length === 1);
});

Deno.test("TextFileSource says what is wrong once, not at every look", async () => {
  await using world = new World();
  world.write("a.yaml", "odd");
  world.write("b.yaml", "one");
  await world.source.load({ allowInvalid: false });
  world.write("b.yaml", "two");
  await world.until(({ words }) => words.includes("two"));
  assert.deepEqual(world.said("warn"), [["word file has a flaw", "is odd"]]);
  world.write("a.yaml", "bad");
  await world.until(({ state }) => state?.kind === "failed");
  assert.deepEqual(world.said("error"), [["word file cannot be used", "must not be bad"]]);
});

Deno.test("TextFileSource goes on watching after a look that threw", async () => {
  await using world = new World();
  world.write("a.yaml", "one");
  await world.source.load({ allowInvalid: false });
  world.write("a.yaml", "throw");
  while (world.said("error").length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(world.said("error"), [["cannot take files over", undefined]]);
  world.write("a.yaml", "two");
  await world.until(({ words }) => words.includes("two"));
});

Deno.test("readTextFiles() says that nothing is there, and what would be", async () => {
  const path = await Deno.makeTempDir();
  const messageOf = async (file: string) => {
    const { problems } = await readTextFiles(file, { what: "word file" });
    return problems.map(({ message }) => message);
  };
  assert.deepEqual(await messageOf(path), ["no word file (.yaml, .yml, .json) is there"]);
  await Deno.remove(path);
  assert.deepEqual(await messageOf(path), ["must exist: there is no such file or folder"]);
});

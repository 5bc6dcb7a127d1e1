// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { join } from "node:path";
import { ProblemError } from "@denvoy/base";
import { RecordingLogger } from "@denvoy/base/testing";
import { systemClock } from "@denvoy/runtime";
import type { LimitSet } from "../domain/limit_set.ts";
import { readLimitFiles } from "./limit_files.ts";
import { LimitFileSource, type LimitSourceState } from "./limit_file_source.ts";

/** A folder of limits that is followed. */
class World implements AsyncDisposable {
  readonly path: string = Deno.makeTempDirSync();
  set: LimitSet | undefined;
  state: LimitSourceState | undefined;
  readonly source: LimitFileSource;
  readonly logger: RecordingLogger = new RecordingLogger();
  #wake: () => void = () => {};

  constructor() {
    this.source = new LimitFileSource({
      path: this.path,
      mergeDomains: false,
      logger: this.logger,
      clock: systemClock,
      onLimits: (set) => this.set = set,
      onState: (state) => {
        this.state = state;
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

  get domains(): readonly string[] {
    return [...this.set?.domains.keys() ?? []];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.source[Symbol.asyncDispose]();
    await Deno.remove(this.path, { recursive: true });
  }
}

Deno.test("LimitFileSource reads YAML and JSON files, not hidden or other ones", async () => {
  await using world = new World();
  world.write("a.yaml", "domain: a");
  world.write("b.json", '{"domain": "b"}');
  world.write("c.txt", "domain: c");
  world.write(".d.yaml", "domain: d");
  await world.source.load({ allowInvalid: false });
  assert.deepEqual(world.domains, ["a", "b"]);
});

Deno.test("LimitFileSource keeps the last good limits while a file is wrong or gone", async () => {
  await using world = new World();
  world.write("a.yaml", "domain: a");
  await world.source.load({ allowInvalid: false });
  world.write("b.yaml", "domian: b");
  await world.until(({ state }) => state?.kind === "failed");
  assert.deepEqual(world.domains, ["a"]);
  world.write("b.yaml", "domain: b");
  await world.until(({ state }) => state?.kind === "ok");
  assert.deepEqual(world.domains, ["a", "b"]);
  for (const name of ["a.yaml", "b.yaml"]) Deno.removeSync(join(world.path, name));
  await world.until(({ state }) => state?.kind === "failed");
  assert.deepEqual(world.domains, ["a", "b"]);
});

Deno.test("LimitFileSource refuses a bad start with every problem unless that is allowed", async () => {
  await using world = new World();
  world.write("a.yaml", "domian: a\ndescriptors: 3");
  await assert.rejects(world.source.load({ allowInvalid: false }), (error) => {
    return error instanceof ProblemError && error.problems.length === 3;
  });
  await using other = new World();
  await other.source.load({ allowInvalid: true });
  assert.equal(other.state?.kind, "failed");
  other.write("a.yaml", "domain: a");
  await other.until(({ state }) => state?.kind === "ok");
  assert.deepEqual(other.domains, ["a"]);
});

Deno.test("LimitFileSource says that a path does not exist", async () => {
  await using world = new World();
  const path = join(world.path, "nowhere");
  const { problems } = await readLimitFiles(path);
  const message = "must exist: there is no such file or folder";
  assert.deepEqual(problems, [{ severity: "error", file: path, message }]);
  const [none] = (await readLimitFiles(world.path)).problems;
  assert.match(none?.message ?? "", /^no limit file/);
});

Deno.test("LimitFileSource logs problems under `problem`, and none where the refusal tells them", async () => {
  const linesOf = async (allowInvalid: boolean) => {
    await using world = new World();
    world.write("a.yaml", "domain: ''");
    await world.source.load({ allowInvalid }).catch(() => {});
    return world.logger.lines.filter(({ level }) => level === "error");
  };
  assert.deepEqual(await linesOf(false), []);
  const [line] = await linesOf(true);
  assert.equal(line?.fields.problem, "`domain` must not be empty");
  assert.equal(line?.fields.message, undefined);
});

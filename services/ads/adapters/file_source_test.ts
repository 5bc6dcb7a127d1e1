// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem, ProblemError } from "@denvoy/base";
import { RecordingLogger } from "@denvoy/base/testing";
import { systemClock } from "@denvoy/runtime";
import { type Configuration, openConfiguration } from "../domain/configuration.ts";
import { MemoryStore } from "../domain/memory_store.ts";
import { CLUSTER } from "../domain/resource_types.ts";
import { testNode } from "../domain/testing.ts";
import { FileSource, type FileSourceState } from "./file_source.ts";

const TYPE = "type.googleapis.com/envoy.config.cluster.v3.Cluster";

/** Returns a file with these clusters; `name=seconds` sets the connect timeout. */
function clusters(...names: readonly string[]): string {
  const items = names.map((name) => {
    const [own, seconds = "1"] = name.split("=");
    return `- {"@type": ${TYPE}, name: "${own}", connect_timeout: ${seconds}s}\n`;
  });
  return `resources:\n${items.join("")}`;
}

class World implements AsyncDisposable {
  readonly folder: string;
  readonly logger = new RecordingLogger();
  readonly states: FileSourceState[] = [];
  readonly store: MemoryStore;
  readonly config: Configuration;
  readonly source: FileSource;

  constructor(folder = Deno.makeTempDirSync(), store = new MemoryStore()) {
    this.folder = folder;
    this.store = store;
    this.config = openConfiguration({ clock: systemClock, store, filesFrom: "resources" });
    this.source = new FileSource({
      path: folder,
      sink: this.config.files,
      logger: this.logger,
      clock: systemClock,
      onState: (state) => this.states.push(state),
    });
  }

  write(file: string, text: string): void {
    const path = `${this.folder}/${file}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, text);
  }

  names(): readonly string[] {
    return this.config.views.peek(testNode("n")).list(CLUSTER).map(({ name }) => name).sort();
  }

  problems(): string {
    const { state } = this.source;
    return state?.kind === "failed" ? state.problems.map(formatProblem).join("\n") : "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.source[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true }).catch(() => {});
  }
}

async function until(condition: () => boolean, what: () => string): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`not within 10 s: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function serves(world: World, ...names: readonly string[]): Promise<void> {
  await until(
    () => JSON.stringify(world.names()) === JSON.stringify(names) && world.problems() === "",
    () => `${names} served, but ${world.names()} ${world.problems()}`,
  );
}

async function complains(world: World, expected: RegExp): Promise<void> {
  await until(() => expected.test(world.problems()), () => `${expected} in ${world.problems()}`);
}

Deno.test("FileSource serves a folder with all that is in it, and only resources", async () => {
  await using world = new World();
  world.write("a.yaml", clusters("a"));
  world.write("deep/er/b.yml", clusters("b") + "---\n" + clusters("c"));
  world.write("d.json", `{"resources": [{"@type": "${TYPE}", "name": "d"}]}`);
  world.write(".hidden/x.yaml", "{");
  world.write(".x.yaml", "{");
  world.write("a.yaml~", "{");
  world.write("#a.yaml#", "{");
  world.write("notes.txt", "{");
  await world.source.load();
  assert.deepEqual(world.names(), ["a", "b", "c", "d"]);
  assert.equal(world.states.at(-1)?.kind, "ok");
});

Deno.test("FileSource serves a single file, replaced by rename", async () => {
  await using world = new World();
  world.write("only.conf", clusters("a"));
  const path = `${world.folder}/only.conf`;
  const { config, logger } = world;
  await using source = new FileSource({ path, sink: config.files, logger, clock: systemClock });
  await source.load();
  assert.deepEqual(world.names(), ["a"]);
  world.write("next", clusters("b"));
  Deno.renameSync(`${world.folder}/next`, path);
  await serves(world, "b");
});

Deno.test("FileSource.load() reports every error with its place, and rejects", async () => {
  await using world = new World();
  world.write(
    "a.yaml",
    `resources:\n- {"@type": ${TYPE}, nam: a}\n- {"@type": ${TYPE}, name: ""}\n`,
  );
  world.write("b.yaml", clusters("x", "x"));
  await assert.rejects(world.source.load(), (error) => {
    assert.ok(error instanceof ProblemError);
    assert.match(error.message, /a\.yaml:2:\d+: resources\[0\]\.nam: .*no field/);
    assert.match(error.message, /a\.yaml:3:\d+: resources\[1\]\.name/);
    return true;
  });
  assert.deepEqual(world.names(), []);
});

Deno.test("FileSource follows changes and keeps the last good state through bad ones", async (t) => {
  await using world = new World();
  world.write("a.yaml", clusters("a"));
  world.write("b.yaml", clusters("b"));
  await world.source.load();
  await t.step("a file that is new", async () => {
    world.write("new/c.yaml", clusters("c"));
    await serves(world, "a", "b", "c");
  });
  await t.step("a file that is removed", async () => {
    Deno.removeSync(`${world.folder}/new/c.yaml`);
    await serves(world, "a", "b");
  });
  await t.step("bad YAML holds all changes back until it is mended", async () => {
    world.write("a.yaml", clusters("a") + "- {");
    await complains(world, /a\.yaml:\d+:\d+: /);
    world.write("b.yaml", clusters("b2"));
    await until(() => world.names().includes("b"), () => "b");
    assert.deepEqual(world.names(), ["a", "b"]);
    assert.ok(world.logger.lines.some(({ level }) => level === "error"));
    world.write("a.yaml", clusters("a2"));
    await serves(world, "a2", "b2");
  });
  await t.step("a name that another file has", async () => {
    world.write("b.yaml", clusters("a2"));
    await complains(world, /b\.yaml:2: cluster "a2" is given twice, also at .*a\.yaml:2/);
    assert.deepEqual(world.names(), ["a2", "b2"]);
    world.write("a.yaml", clusters("b2"));
    await serves(world, "a2", "b2");
  });
  await t.step("a file that has become empty", async () => {
    world.write("a.yaml", "");
    await complains(world, /a\.yaml:1:1: has become empty/);
    assert.deepEqual(world.names(), ["a2", "b2"]);
    world.write("a.yaml", "resources: []");
    await serves(world, "a2");
  });
});

Deno.test("FileSource survives a folder that is gone, and takes it back", async () => {
  await using world = new World();
  world.write("a.yaml", clusters("a"));
  world.write("b.yaml", clusters("b"));
  await world.source.load();
  Deno.removeSync(world.folder, { recursive: true });
  await complains(world, /no such file or folder/);
  assert.deepEqual(world.names(), ["a", "b"]);
  world.write("a.yaml", clusters("a"));
  world.write("c.yaml", clusters("c"));
  await serves(world, "a", "c");
});

Deno.test("FileSource does not believe that all files are gone", async () => {
  await using world = new World();
  world.write("a.yaml", clusters("a"));
  await world.source.load();
  Deno.removeSync(`${world.folder}/a.yaml`);
  await complains(world, /no resource file is left/);
  assert.deepEqual(world.names(), ["a"]);
  world.write("b.yaml", clusters("b"));
  await serves(world, "b");
});

Deno.test("FileSource takes 50 reloads in a second and ends with the last", async () => {
  await using world = new World();
  world.write("a.yaml", clusters("a=1"));
  await world.source.load();
  for (let index = 1; index <= 50; index++) {
    world.write("a.yaml", clusters(`a=${index}`, `n${index}`));
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  await serves(world, "a", "n50");
});

const ROUTE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";

function routesTo(cluster: string): string {
  const route = `{match: {prefix: /}, route: {cluster: ${cluster}}}`;
  const host = `{name: h, domains: ["*"], routes: [${route}]}`;
  return `resources:\n- {"@type": ${ROUTE}, name: r, virtual_hosts: [${host}]}\n`;
}

Deno.test("FileSource waits for the rest of a change that is half written", async () => {
  await using world = new World();
  world.write("clusters.yaml", clusters("a"));
  world.write("routes.yaml", routesTo("a"));
  await world.source.load();
  world.write("routes.yaml", routesTo("b"));
  // Longer than files have to be quiet to be read.
  await new Promise((resolve) => setTimeout(resolve, 150));
  world.write("clusters.yaml", clusters("b"));
  await serves(world, "b");
  assert.equal(world.config.writer.revision, 2, "both files are one change");
  assert.equal(world.logger.lines.some(({ level }) => level === "warn"), false);
});

Deno.test("FileSource waits for the rest of a change while any file is written", async () => {
  await using world = new World();
  world.write("clusters.yaml", clusters("a"));
  world.write("routes.yaml", routesTo("a"));
  await world.source.load();
  world.write("routes.yaml", routesTo("b"));
  const endMs = performance.now() + 1_500;
  for (let index = 0; performance.now() < endMs; index++) {
    world.write("more.yaml", clusters(`more=${1 + index}`));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  world.write("clusters.yaml", clusters("b"));
  await serves(world, "b", "more");
  assert.equal(world.logger.lines.some(({ level }) => level === "warn"), false);
});

Deno.test("FileSource believes that something is missing when nothing more comes", async () => {
  await using world = new World();
  world.write("clusters.yaml", clusters("a"));
  world.write("routes.yaml", routesTo("a"));
  await world.source.load();
  world.write("routes.yaml", routesTo("b"));
  await until(
    () => world.config.writer.revision === 2,
    () => `a second revision: ${world.config.writer.revision}`,
  );
  assert.equal(world.logger.lines.filter(({ level }) => level === "warn").length, 1);
  assert.equal(world.source.state?.kind, "ok");
});

Deno.test("FileSource.load() does not believe that all files are gone since the last run", async () => {
  const store = new MemoryStore();
  {
    await using before = new World(undefined, store);
    before.write("a.yaml", clusters("a"));
    await before.source.load();
  }
  await using world = new World(undefined, store);
  await assert.rejects(world.source.load(), /no resource file is left.*`resources: \[\]`/);
  assert.match(world.logger.lines[0]?.message ?? "", /cannot be served/);
  await using again = new World(undefined, store);
  again.write("a.yaml", "resources: []\n");
  await again.source.load();
  assert.deepEqual(again.names(), []);
});

Deno.test("FileSource.load() with allowInvalid serves what was served before the restart", async () => {
  const folder = Deno.makeTempDirSync();
  const store = new MemoryStore();
  {
    const first = new World(folder, store);
    first.write("a.yaml", clusters("a"));
    first.write("b.yaml", clusters("b"));
    await first.source.load();
    await first.source[Symbol.asyncDispose]();
  }
  await using world = new World(folder, store);
  world.write("a.yaml", "{");
  await assert.rejects(new World(folder, store).source.load(), ProblemError);
  await world.source.load({ allowInvalid: true });
  assert.deepEqual(world.names(), ["a", "b"]);
  assert.match(world.problems(), /a\.yaml/);
  world.write("a.yaml", clusters("a2"));
  await serves(world, "a2", "b");
});

Deno.test("FileSource reads one changed file of many, and reports the progress of a long load", async () => {
  const folder = Deno.makeTempDirSync();
  const total = 300;
  for (let index = 0; index < total; index++) {
    Deno.writeTextFileSync(`${folder}/${index}.yaml`, clusters(`c${index}`));
  }
  const config = openConfiguration({ clock: systemClock, store: new MemoryStore() });
  const progress: number[] = [];
  const edits: number[] = [];
  await using _folder = new World(folder);
  await using source = new FileSource({
    path: folder,
    sink: {
      expectsFiles: false,
      replace: (...args) => (edits.push(args[0].length), config.files.replace(...args)),
      change: (...args) => (edits.push(args[0].length), config.files.change(...args)),
      keepLast: () => config.files.keepLast(),
    },
    logger: new RecordingLogger(),
    clock: systemClock,
    onProgress: ({ read }) => progress.push(read),
  });
  await source.load();
  Deno.writeTextFileSync(`${folder}/7.yaml`, clusters("seven"));
  await until(() => edits.length === 2, () => "second hand-over");
  assert.deepEqual(edits, [total, 2]);
  assert.equal(progress.at(-1), total);
  assert.ok(progress.length > 1);
});

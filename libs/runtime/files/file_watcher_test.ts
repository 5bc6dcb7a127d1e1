// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { silentLogger } from "@denvoy/base";
import { FileWatcher, type FileWatcherOptions } from "./file_watcher.ts";

interface Fixture {
  readonly folder: string;
  write(name: string, text: string): Promise<void>;
}

async function inFolder(body: (fixture: Fixture) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}`, text);
  try {
    await body({ folder, write });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A watcher whose poll is too slow to help, unless a test wants it to. */
function watch(paths: readonly string[], more: Partial<FileWatcherOptions> = {}) {
  return FileWatcher.start({ paths, logger: silentLogger, pollMs: 60_000, ...more });
}

/** Collects changes until all of `want` were told. */
async function told(watcher: FileWatcher, want: readonly string[]): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  const late = setTimeout(() => watcher[Symbol.asyncDispose](), 5_000);
  for await (const changed of watcher.changes()) {
    for (const path of changed) seen.add(path);
    if (want.every((path) => seen.has(path))) break;
  }
  clearTimeout(late);
  assert.ok(want.every((path) => seen.has(path)), `told ${[...seen]}, wanted ${want}`);
  return seen;
}

Deno.test("FileWatcher tells files written, created, removed and replaced by rename", async () => {
  await inFolder(async ({ folder, write }) => {
    await write("a.yaml", "1");
    await write("b.yaml", "1");
    await using watcher = await watch([folder]);
    await write("a.yaml", "2");
    await told(watcher, [`${folder}/a.yaml`]);
    await write("c.yaml", "1");
    await told(watcher, [`${folder}/c.yaml`]);
    await write("b.tmp", "2");
    await Deno.rename(`${folder}/b.tmp`, `${folder}/b.yaml`);
    await told(watcher, [`${folder}/b.yaml`]);
    await Deno.remove(`${folder}/a.yaml`);
    await told(watcher, [`${folder}/a.yaml`]);
  });
});

Deno.test("FileWatcher tells files in folders that are made, moved and removed", async () => {
  await inFolder(async ({ folder, write }) => {
    await using watcher = await watch([folder]);
    await Deno.mkdir(`${folder}/x/y`, { recursive: true });
    await write("x/y/a.yaml", "1");
    await told(watcher, [`${folder}/x/y/a.yaml`]);
    await Deno.rename(`${folder}/x`, `${folder}/z`);
    await told(watcher, [`${folder}/x/y/a.yaml`, `${folder}/z/y/a.yaml`]);
    await Deno.remove(`${folder}/z`, { recursive: true });
    await told(watcher, [`${folder}/z/y/a.yaml`]);
  });
});

Deno.test("FileWatcher sees Kubernetes swap a volume behind its link", async () => {
  await inFolder(async ({ folder, write }) => {
    await Deno.mkdir(`${folder}/..1`);
    await write("..1/a.yaml", "1");
    await Deno.symlink("..1", `${folder}/..data`);
    await Deno.symlink("..data/a.yaml", `${folder}/a.yaml`);
    for (const path of [folder, `${folder}/a.yaml`]) {
      await using watcher = await watch([path]);
      const next = `..${crypto.randomUUID()}`;
      await Deno.mkdir(`${folder}/${next}`);
      await write(`${next}/a.yaml`, "2");
      await Deno.symlink(next, `${folder}/..data_tmp`);
      await Deno.rename(`${folder}/..data_tmp`, `${folder}/..data`);
      assert.deepEqual([...await told(watcher, [`${folder}/a.yaml`])], [`${folder}/a.yaml`]);
    }
  });
});

Deno.test("FileWatcher follows a folder that is swapped by its link", async () => {
  await inFolder(async ({ folder, write }) => {
    for (const version of ["v1", "v2"]) {
      await Deno.mkdir(`${folder}/${version}`);
      await write(`${version}/a.yaml`, version);
    }
    await Deno.symlink("v1", `${folder}/current`);
    await using watcher = await watch([`${folder}/current`]);
    await Deno.symlink("v2", `${folder}/next`);
    await Deno.rename(`${folder}/next`, `${folder}/current`);
    await told(watcher, [`${folder}/current/a.yaml`]);
    await write("v2/a.yaml", "v2 again");
    await told(watcher, [`${folder}/current/a.yaml`]);
  });
});

Deno.test("FileWatcher outlives its folder and sees it come back", async () => {
  await inFolder(async ({ folder, write }) => {
    const root = `${folder}/root`;
    await Deno.mkdir(root);
    await write("root/a.yaml", "1");
    await using watcher = await watch([root]);
    await Deno.remove(root, { recursive: true });
    await told(watcher, [`${root}/a.yaml`]);
    await Deno.mkdir(root);
    await write("root/a.yaml", "2");
    await told(watcher, [`${root}/a.yaml`]);
    await write("root/b.yaml", "1");
    await told(watcher, [`${root}/b.yaml`]);
  });
});

Deno.test("FileWatcher watches a file that is not there yet, and only that file", async () => {
  await inFolder(async ({ folder, write }) => {
    await using watcher = await watch([`${folder}/a.yaml`]);
    await write("other.yaml", "1");
    await write("a.yaml", "1");
    assert.deepEqual([...await told(watcher, [`${folder}/a.yaml`])], [`${folder}/a.yaml`]);
  });
});

Deno.test("FileWatcher puts many changes together and leaves out what is not included", async () => {
  await inFolder(async ({ folder, write }) => {
    const include = (path: string) => path.endsWith(".yaml");
    await using watcher = await watch([folder], { include });
    const names = Array.from({ length: 1_500 }, (_, index) => `${index}.yaml`);
    for (const name of names) await write(name, "1");
    await write("notes.txt", "1");
    let batches = 0;
    const seen = new Set<string>();
    for await (const changed of watcher.changes()) {
      batches++;
      for (const path of changed) seen.add(path);
      if (seen.size >= names.length) break;
    }
    assert.equal(seen.size, names.length);
    assert.ok(batches < 50, String(batches));
  });
});

Deno.test("FileWatcher finds by its poll what notifications did not tell", async () => {
  await inFolder(async ({ folder, write }) => {
    const root = `${folder}/link.yaml`;
    await Deno.mkdir(`${folder}/far`);
    await write("far/target.yaml", "1");
    await Deno.symlink("far/target.yaml", root);
    await using watcher = await watch([root], { pollMs: 50 });
    await write("far/target.yaml", "22");
    await told(watcher, [root]);
  });
});

Deno.test("FileWatcher stops at a link that leads back up", async () => {
  await inFolder(async ({ folder, write }) => {
    await Deno.mkdir(`${folder}/x`);
    await Deno.symlink("..", `${folder}/x/up`);
    await using watcher = await watch([folder]);
    await write("x/a.yaml", "1");
    await told(watcher, [`${folder}/x/a.yaml`]);
  });
});

Deno.test("FileWatcher tells nothing by a name that leads through a link back up", async () => {
  await inFolder(async ({ folder, write }) => {
    await write("a.yaml", "1");
    await using watcher = await watch([folder]);
    await Deno.symlink(folder, `${folder}/up`);
    await Deno.mkdir(`${folder}/x`);
    await Deno.symlink("..", `${folder}/x/up`);
    await write("b.yaml", "1");
    await write("x/c.yaml", "1");
    const seen = await told(watcher, [`${folder}/b.yaml`, `${folder}/x/c.yaml`]);
    assert.deepEqual([...seen].filter((path) => path.includes("/up/")), []);
  });
});

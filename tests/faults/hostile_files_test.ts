// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { Child } from "@denvoy/tools/child";
import {
  type DenvoyAds,
  eventually,
  runDenvoyAds,
  startDenvoyAds,
  TempFolder,
} from "../support/mod.ts";
import { assertUnharmed, metric } from "./ads_health.ts";
import { clusterJson } from "./http_api.ts";

/** What a file is, and what ads says of it. */
interface BadFile {
  /** Makes it. */
  readonly make: (folder: TempFolder) => Promise<unknown>;
  /** In the message. */
  readonly says: RegExp;
}

/** Files that must not be served, nor end the process, nor keep it from going on. */
const badFiles: Readonly<Record<string, BadFile>> = {
  "a file whose aliases expand to billions of values": {
    make: (folder) => folder.write("bad.yaml", aliasBomb()),
    says: /aliases repeat more than \d+ values/,
  },
  "a file of 200 MB": {
    make: (folder) => writeLarge(folder.file("bad.yaml"), 200),
    says: /must be at most \d+ bytes long/,
  },
  "a file nested 100,000 deep": {
    make: (folder) => folder.write("bad.yaml", "[".repeat(100_000)),
    says: /nested deeper than|too deep/,
  },
  "a file that is not UTF-8": {
    make: (folder) =>
      Deno.writeFile(
        folder.file("bad.yaml"),
        new Uint8Array([0x23, 0x20, 0xff, 0xfe, 0x0a, 0x72, 0x65, 0x73]),
      ),
    says: /must be UTF-8/,
  },
  "a file of zeros": {
    make: (folder) => Deno.writeFile(folder.file("bad.yaml"), new Uint8Array(10_000)),
    says: /bad\.yaml/,
  },
  "a file that may not be read": {
    make: (folder) => Deno.symlink("/proc/self/mem", folder.file("bad.yaml")),
    says: /cannot be read/,
  },
  "a name that is given twice": {
    make: (folder) => folder.write("bad.yaml", fileText("a")),
    says: /cluster "?a"? is given twice|given twice/,
  },
};

/** What a file becomes under its name. */
const becomings: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  "a pipe": makePipe,
  "a folder": (path) => Deno.mkdir(path),
  "a link to itself": (path) => Deno.symlink("moving.yaml", path),
};

/** What lies in a folder beside resources and is nothing to complain of. */
const strangers: Readonly<Record<string, (folder: TempFolder) => Promise<unknown>>> = {
  "a folder with the name of a file": (folder) =>
    folder.write("dir.yaml/inner.yaml", fileText("b")),
  "a link to itself": (folder) => Deno.symlink("loop.yaml", folder.file("loop.yaml")),
  "a link to the folder that it is in": (folder) => Deno.symlink(folder.path, folder.file("up")),
  "a link to nothing": (folder) => Deno.symlink("nowhere", folder.file("gone.yaml")),
  "a file of another kind": (folder) => writeLarge(folder.file("video.mp4"), 1),
};

Deno.test("at start, a file that cannot be served ends ads with an error that says why", async (t) => {
  for (const [what, { make, says }] of Object.entries(badFiles)) {
    await t.step(what, async () => {
      await using folder = await TempFolder.create({ "good.yaml": fileText("a") });
      await make(folder);
      const { code, output } = await runDenvoyAds({ resources: folder.path });
      assert.match(output, says);
      assert.notEqual(code, 0);
      assert.ok(code < 128, `must exit by itself: ${code}`);
    });
  }
});

Deno.test("while running, a file that cannot be served changes nothing, and is forgotten when gone", async (t) => {
  await using folder = await TempFolder.create({ "good.yaml": fileText("a") });
  await using ads = await startDenvoyAds({ resources: folder.path });
  for (const [what, { make, says }] of Object.entries(badFiles)) {
    await t.step(what, async () => {
      const before = ads.child.lines.length;
      await make(folder);
      await eventually(() => ads.child.lines.slice(before).some((line) => says.test(line)), {
        what: "the error in the log",
        withinMs: 20_000,
        detail: () => ads.child.lastWords(5),
      }).finally(() => folder.remove("bad.yaml"));
      assert.equal(await metric(ads, "ads_resources"), 1);
      await eventually(async () => await metric(ads, "ads_file_problems") === 0, {
        what: "no problem any more",
        withinMs: 20_000,
      });
    });
  }
  assert.equal(ads.child.exit, undefined);
});

Deno.test("what is no resource file is passed over, at start and while running", async () => {
  await using folder = await TempFolder.create({ "good.yaml": fileText("a") });
  await makePipe(folder.file("pipe.yaml"));
  await using ads = await startDenvoyAds({ resources: folder.path });
  for (const stranger of Object.values(strangers)) await stranger(folder);
  await folder.write("c.yaml", fileText("c"));
  await eventually(async () => await metric(ads, "ads_resources") === 3, {
    what: "resources of all files",
    detail: () => ads.child.lastWords(5),
  });
  assertUnharmed(ads);
  await using next = await startDenvoyAds({ resources: folder.path });
  assert.equal(await metric(next, "ads_resources"), 3);
  for (const each of [ads, next]) assert.equal((await each.child.stop()).code, 0);
});

for (const [what, become] of Object.entries(becomings)) {
  // On Deno 2.9.5 the thread behind Deno.watchFs opens whatever comes into a watched folder, and
  // waits for ever for the writer of a pipe; the next watchFs() or close() then stops the process.
  const reason = what === "a pipe" ? " (skipped: Deno.watchFs waits for its writer)" : "";
  Deno.test({
    name: `a file that becomes ${what} does not stop the watching${reason}`,
    ignore: reason !== "",
    fn: () => becomes(become),
  });
}

async function becomes(become: (path: string) => Promise<unknown>): Promise<void> {
  await using folder = await TempFolder.create({
    "good.yaml": fileText("a"),
    "moving.yaml": fileText("moving"),
  });
  await using ads = await startDenvoyAds({ resources: folder.path });
  await folder.remove("moving.yaml");
  await become(folder.file("moving.yaml"));
  await eventually(async () => !await isServed(ads, "moving"), {
    what: "the end of what it said",
    detail: () => ads.child.lastWords(5),
  });
  await folder.write("next.yaml", fileText("next"));
  await eventually(() => isServed(ads, "next"), { what: "what was written afterwards" });
  assertUnharmed(ads);
  assert.equal((await ads.child.stop()).code, 0);
}

Deno.test("a folder of 10,000 files loads, and a change in it is served", async () => {
  await using folder = await TempFolder.create();
  const writes = Array.from({ length: 10_000 }, (_, index) => {
    const path = folder.file(`r${index}.yaml`);
    return () => Deno.writeTextFile(path, fileText(`r${index}`));
  });
  for (const write of writes) await write();
  await using ads = await startDenvoyAds({ resources: folder.path });
  assert.equal(await metric(ads, "ads_resources"), 10_000);
  await folder.write("new.yaml", fileText("new"));
  await eventually(async () => await metric(ads, "ads_resources") === 10_001, {
    what: "the change",
  });
  assertUnharmed(ads);
});

async function isServed(ads: DenvoyAds, name: string): Promise<boolean> {
  const path = `/v1/resources/clusters/${encodeURIComponent(name)}`;
  const response = await fetch(`${ads.httpUrl}${path}`);
  await response.body?.cancel();
  return response.ok;
}

function fileText(name: string): string {
  return JSON.stringify({ resources: [clusterJson(name)] });
}

/** Ten lists, each of ten times the one before. */
function aliasBomb(): string {
  const lines = Array.from({ length: 10 }, (_, level) => {
    const items = level === 0 ? "x" : `*l${level - 1}`;
    return `l${level}: &l${level} [${Array(10).fill(items).join(", ")}]`;
  });
  return `${lines.join("\n")}\nresources: *l9\n`;
}

async function writeLarge(path: string, mebibytes: number): Promise<void> {
  const line = new TextEncoder().encode("# a line of a comment\n".repeat(2 ** 20 / 22 | 0));
  using file = await Deno.open(`${path}.part`, { write: true, create: true });
  for (let i = 0; i < mebibytes * 1.1; i++) await file.write(line);
  await Deno.rename(`${path}.part`, path);
}

async function makePipe(path: string): Promise<void> {
  await using child = Child.start({ name: "mkfifo", command: "mkfifo", args: [path] });
  const { code } = await child.exited;
  assert.equal(code, 0, child.lastWords());
}

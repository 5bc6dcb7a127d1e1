// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { MAX_FILE_BYTES, readFileContent, textOf } from "./file_content.ts";

Deno.test("readFileContent() reads files and links to files, and passes over everything else", async () => {
  const folder = await Deno.makeTempDir();
  const path = (name: string) => `${folder}/${name}`;
  await Deno.writeTextFile(path("file"), "text");
  await Deno.symlink("file", path("link"));
  await Deno.symlink("loop", path("loop"));
  await Deno.symlink("nowhere", path("dangling"));
  await new Deno.Command("mkfifo", { args: [path("pipe")] }).output();
  const kinds: Readonly<Record<string, string>> = {
    file: "bytes",
    link: "bytes",
    loop: "absent",
    dangling: "absent",
    pipe: "absent",
    none: "absent",
    "file/below": "absent",
    ".": "absent",
  };
  for (const [name, kind] of Object.entries(kinds)) {
    assert.equal((await readFileContent(path(name))).kind, kind, name);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("readFileContent() does not read a file that is too large", async () => {
  const file = await Deno.makeTempFile();
  await Deno.truncate(file, MAX_FILE_BYTES + 1);
  assert.deepEqual(await readFileContent(file), {
    kind: "unreadable",
    reason: "must be at most 67108864 bytes long: size is 67108865",
  });
  await Deno.remove(file);
});

Deno.test("textOf() takes UTF-8 and nothing else", () => {
  assert.equal(textOf(new TextEncoder().encode("größe")), "größe");
  assert.equal(textOf(new Uint8Array([0x67, 0xf6])), undefined);
});

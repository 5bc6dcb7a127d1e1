// SPDX-License-Identifier: Apache-2.0
/** Who may read what is written. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { writeFile } from "./write_file.ts";

for (
  const [name, options, expected] of [["anything", {}, 0o644], [
    "a token",
    { mode: 0o600 },
    0o600,
  ]] as const
) {
  Deno.test({
    name: `writeFile() writes ${name} with mode 0${expected.toString(8)}`,
    ignore: Deno.build.os === "windows",
    async fn() {
      const folder = await Deno.makeTempDir();
      const path = join(folder, "new", "file");
      await writeFile(path, "text", options);
      assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, expected);
      await Deno.remove(folder, { recursive: true });
    },
  });
}

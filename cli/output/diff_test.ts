// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { colouredDiff } from "./diff.ts";
import { stylesFor } from "./styles.ts";

const DIFF = "--- a 1\n+++ a 2\n@@ -1 +1 @@\n-x: 1\n+x: 2\n y: 3";

Deno.test("colouredDiff() marks what goes and what comes, and leaves the text as it is", () => {
  assert.equal(colouredDiff(DIFF, stylesFor(false)), DIFF);
  assert.equal(
    colouredDiff(DIFF, stylesFor(true)),
    "\x1b[1m--- a 1\x1b[0m\n\x1b[1m+++ a 2\x1b[0m\n\x1b[36m@@ -1 +1 @@\x1b[0m\n" +
      "\x1b[31m-x: 1\x1b[0m\n\x1b[32m+x: 2\x1b[0m\n y: 3",
  );
});

// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { outdatedPages } from "./gen_reference.ts";

Deno.test("docs/reference is what deno task gen:reference writes", async () => {
  assert.deepEqual(await outdatedPages(), []);
});

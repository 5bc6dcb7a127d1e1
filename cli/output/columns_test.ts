// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { wrap } from "@denvoy/runtime";
import { entries, table } from "./columns.ts";

Deno.test("wrap() breaks between words and never within one", () => {
  assert.deepEqual(wrap("aa bb cccccc d", 5), ["aa bb", "cccccc", "d"]);
  assert.deepEqual(wrap("", 5), [""]);
});

Deno.test("entries() puts a long head on a line of its own", () => {
  const list = [
    { head: "-a", paragraphs: ["one", "two"] },
    { head: "--long-flag", paragraphs: ["three"] },
  ];
  assert.deepEqual(entries(list, 8), [
    "  -a    one",
    "        two",
    "  --long-flag",
    "        three",
  ]);
});

Deno.test("table() aligns columns by their text, not by its colour", () => {
  const red = { text: "bad", paint: (text: string) => `<${text}>` };
  assert.deepEqual(table(["NAME", "STATE", "AGE"], [["a", red, "1m"], ["long-name", "x", ""]]), [
    "NAME        STATE   AGE",
    "a           <bad>     1m",
    "long-name   x",
  ]);
});

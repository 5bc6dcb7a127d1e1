// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { resourceTypes } from "@denvoy/ads";
import { typeWord, typeWords } from "./type_words.ts";

Deno.test("typeWords are those of ads", () => {
  assert.deepEqual(typeWords, resourceTypes.map(({ plural }) => plural));
});

Deno.test("typeWord() takes singulars and names of services, and leaves all else to the server", () => {
  const table: Readonly<Record<string, string>> = {
    clusters: "clusters",
    cluster: "clusters",
    cds: "clusters",
    SDS: "secrets",
    "virtual-host": "virtual-hosts",
    "type.googleapis.com/x.Y": "type.googleapis.com/x.Y",
    nonsense: "nonsense",
  };
  for (const [text, word] of Object.entries(table)) assert.equal(typeWord(text), word);
});

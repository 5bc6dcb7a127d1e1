// SPDX-License-Identifier: Apache-2.0
/** What was put over the API is the same after a restart, also what an earlier version has kept. @module */
import assert from "node:assert/strict";
import { silentLogger } from "@denvoy/base";
import { FakeClock } from "@denvoy/base/testing";
import { AesSealer } from "./adapters/aes_sealer.ts";
import { ApiSecrets } from "./api_secrets.ts";
import { MemoryAccessStore } from "./domain/access_store.ts";
import { craft, testNowMs, testReader } from "./domain/ca/testing.ts";
import { SecretBook } from "./domain/secret_book.ts";
import type { SecretMaterial } from "./domain/secret_material.ts";

const sealer = await AesSealer.create(new Uint8Array(32));
const bytes = new TextEncoder().encode("secret");
const ca = await craft();
const trust = {
  kind: "validation-context",
  bundlePem: ca.pem,
  sanMatchers: [{ sanType: "DNS", match: "exact", value: "base64:AAAA" }],
} as const;

const materials: readonly (readonly [string, SecretMaterial])[] = [
  ["bytes", { kind: "generic", secret: bytes }],
  ["bytes by name", { kind: "generic", secrets: new Map([["base64:AAAA", bytes]]) }],
  ["keys", { kind: "session-ticket-keys", keys: [new Uint8Array(80).map((_, at) => at)] }],
  ["a name of a peer that looks like bytes", trust],
];

function open(store: MemoryAccessStore, book = new SecretBook()) {
  const clock = new FakeClock(testNowMs);
  const parts = { book, store, sealer, x509: testReader, logger: silentLogger, clock };
  return ApiSecrets.open(parts);
}

for (const [name, material] of materials) {
  Deno.test(`after a restart there are ${name}`, async () => {
    const store = new MemoryAccessStore();
    const { resource } = await (await open(store)).put("a", material);
    const book = new SecretBook();
    await open(store, book);
    assert.equal(book.get("a")?.resource.version, resource.version);
  });
}

for (
  const [name, material, kept] of [
    ["bytes", { kind: "generic", secret: bytes }, {
      kind: "generic",
      secret: `base64:${bytes.toBase64()}`,
    }],
    ["bytes by name", { kind: "generic", secrets: new Map([["x", bytes]]) }, {
      kind: "generic",
      secrets: { map: [["x", `base64:${bytes.toBase64()}`]] },
    }],
    ["a name of a peer that looks like bytes", trust, trust],
  ] as const
) {
  Deno.test(`of an earlier version there are ${name}`, async () => {
    const { resource } = await (await open(new MemoryAccessStore())).put("a", material);
    const [store, book] = [new MemoryAccessStore(), new SecretBook()];
    const text = new TextEncoder().encode(JSON.stringify(kept));
    store.putSealedSecret("a", await sealer.seal(text, "secret/a"));
    await open(store, book);
    assert.equal(book.get("a")?.resource.version, resource.version);
  });
}

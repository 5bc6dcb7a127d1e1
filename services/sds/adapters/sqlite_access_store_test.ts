// SPDX-License-Identifier: Apache-2.0
/** What is kept of tokens in SQLite, and what becomes of rows that cannot be read. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { RecordingLogger } from "@denvoy/base/testing";
import type { TokenRecord } from "../domain/access_tokens.ts";
import { SqliteAccessStore } from "./sqlite_access_store.ts";

function token(hash: string, expiresAtMs: number, identity = "spiffe://shop/web"): TokenRecord {
  return { hash, kind: "join", identity, createdAtMs: 1, expiresAtMs };
}

Deno.test("tokens with times that cannot be read disturb nothing, and are told of at the start", async () => {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "access.db");
  const logger = new RecordingLogger();
  {
    using store = new SqliteAccessStore(path, logger);
    for (const [hash, end] of [["ended", 9], ["good", 11], ["absurd", 2 ** 60]] as const) {
      store.addToken(token(hash, end));
    }
    store.addToken(token("other", 8_640_000_000_000_001, "spiffe://shop/api"));
    assert.equal(logger.lines.length, 0);
  }
  {
    using store = new SqliteAccessStore(path, logger);
    assert.match(JSON.stringify(logger.lines), /kept tokens cannot be read.*"unreadable":2/);
    store.removeEndedTokens(10);
    assert.deepEqual(store.listTokens(), [token("good", 11)]);
    assert.equal(store.countTokens(), 1);
    assert.equal(store.findToken("absurd"), undefined);
    assert.equal(store.exchangeToken("absurd", token("next", 12)), false);
    assert.equal(store.removeTokensOf("spiffe://shop/web"), 2);
    assert.equal(store.removeTokensOf("spiffe://shop/web"), 0);
    assert.equal(store.removeTokensOf("spiffe://shop/api"), 1);
  }
  await Deno.remove(folder, { recursive: true });
});

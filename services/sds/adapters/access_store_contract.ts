// SPDX-License-Identifier: Apache-2.0
/**
 * What every store of tokens and secrets does.
 * @module
 */
import assert from "node:assert/strict";
import type { AccessStore } from "../domain/access_store.ts";
import type { TokenRecord } from "../domain/access_tokens.ts";

/** Returns a token for tests. */
export function tokenRecord(hash: string, changes: Partial<TokenRecord> = {}): TokenRecord {
  const identity = "spiffe://shop/web";
  return { hash, kind: "join", identity, createdAtMs: 1, expiresAtMs: 100, ...changes };
}

function hashesOf(store: AccessStore): readonly string[] {
  return store.listTokens().map(({ hash }) => hash);
}

/** What each store does, by what is said of it; each wants an empty one. */
export const accessStoreContract: Readonly<Record<string, (store: AccessStore) => Promise<void>>> =
  {
    async "keeps tokens, the oldest first"(store) {
      assert.deepEqual(store.listTokens(), []);
      await store.addToken(tokenRecord("b", { createdAtMs: 2, kind: "node" }));
      await store.addToken(tokenRecord("a"));
      assert.deepEqual(hashesOf(store), ["a", "b"]);
      assert.equal(store.countTokens(), 2);
      assert.deepEqual(store.findToken("a"), tokenRecord("a"));
      assert.equal(store.findToken("c"), undefined);
      await store.catchUp();
      assert.equal(store.countTokens(), 2);
    },
    async "exchanges a token once"(store) {
      await store.addToken(tokenRecord("join"));
      const next = tokenRecord("node", { kind: "node" });
      const other = tokenRecord("other", { kind: "node" });
      const outcomes = await Promise.all([
        store.exchangeToken("join", next),
        store.exchangeToken("join", other),
      ]);
      assert.deepEqual(outcomes.toSorted(), [false, true]);
      assert.equal(await store.exchangeToken("never", other), false);
      assert.equal(store.countTokens(), 1);
      assert.equal(store.findToken("join"), undefined);
    },
    async "forgets what has ended, and all of an identity"(store) {
      await store.addToken(tokenRecord("ended", { expiresAtMs: 50 }));
      await store.addToken(tokenRecord("one"));
      await store.addToken(tokenRecord("two", { createdAtMs: 2 }));
      await store.addToken(tokenRecord("api", { createdAtMs: 3, identity: "spiffe://shop/api" }));
      await store.removeEndedTokens(50);
      assert.deepEqual(hashesOf(store), ["one", "two", "api"]);
      assert.equal(await store.removeTokensOf("spiffe://shop/web"), 2);
      assert.equal(await store.removeTokensOf("spiffe://shop/web"), 0);
      assert.deepEqual(hashesOf(store), ["api"]);
    },
    async "keeps sealed secrets by name"(store) {
      await store.putSealedSecret("x", Uint8Array.of(1));
      await store.putSealedSecret("y", Uint8Array.of(2));
      await store.putSealedSecret("x", Uint8Array.of(3));
      assert.deepEqual(
        new Map(store.sealedSecrets()),
        new Map([
          ["x", Uint8Array.of(3)],
          ["y", Uint8Array.of(2)],
        ]),
      );
      await store.removeSealedSecret("x");
      await store.removeSealedSecret("z");
      assert.deepEqual([...store.sealedSecrets().keys()], ["y"]);
    },
  };

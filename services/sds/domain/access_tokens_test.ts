// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { FakeClock } from "@denvoy/base/testing";
import { MemoryAccessStore } from "./access_store.ts";
import { AccessTokens } from "./access_tokens.ts";

const HOUR_MS = 3_600_000;
const web = { identity: "spiffe://shop/web", ttlMs: HOUR_MS };

function tokens() {
  const clock = new FakeClock();
  const store = new MemoryAccessStore();
  let count = 0;
  const made = new AccessTokens({
    ...{ clock, store },
    randomBytes: (size) => new Uint8Array(size).fill(++count),
    sha256: (bytes) => new Uint8Array(createHash("sha256").update(bytes).digest()),
  });
  return { clock, store, tokens: made };
}

Deno.test("a join token is exchanged once, and is no node token itself", async () => {
  const world = tokens();
  const { token } = await world.tokens.create("join", web);
  assert.equal(world.tokens.identify(token), undefined);
  const joined = await world.tokens.join(token, { ttlMs: HOUR_MS });
  assert.equal(world.tokens.identify(joined.token)?.identity, web.identity);
  for (const used of [token, joined.token, "anything"]) {
    await assert.rejects(world.tokens.join(used, { ttlMs: HOUR_MS }), /unknown, over or used/);
  }
});

Deno.test("tokens end, and are forgotten then", async () => {
  const world = tokens();
  const join = await world.tokens.create("join", web);
  const node = await world.tokens.create("node", web);
  world.clock.advance(HOUR_MS - 1);
  assert.equal(world.tokens.identify(node.token)?.identity, web.identity);
  world.clock.advance(1);
  assert.equal(world.tokens.identify(node.token), undefined);
  await assert.rejects(world.tokens.join(join.token, { ttlMs: HOUR_MS }));
  assert.deepEqual(await world.tokens.list(), []);
  assert.deepEqual(world.store.listTokens(), []);
});

Deno.test("revoke() ends all tokens of an identity and of nobody else", async () => {
  const world = tokens();
  const [one, two] = [
    await world.tokens.create("node", web),
    await world.tokens.create("node", web),
  ];
  const other = await world.tokens.create("node", { ...web, identity: "spiffe://shop/api" });
  assert.equal(await world.tokens.revoke(web.identity), 2);
  assert.deepEqual([one, two, other].map(({ token }) => world.tokens.identify(token)?.identity), [
    undefined,
    undefined,
    "spiffe://shop/api",
  ]);
});

Deno.test("what is kept of a token does not hold it", async () => {
  const world = tokens();
  const { token } = await world.tokens.create("node", web);
  assert.ok(token.length >= 43);
  assert.ok(!JSON.stringify(world.store.listTokens()).includes(token));
});

for (
  const [kind, ttlMs, expected] of [
    ["join", 0, /from 1 second to 30 days: is 0 ms/],
    ["join", 31 * 24 * HOUR_MS, /to 30 days/],
    ["join", NaN, /to 30 days/],
    ["node", 2 ** 53, /to 3650 days/],
  ] as const
) {
  Deno.test(`no ${kind} token is made for ${ttlMs} ms`, async () => {
    const world = tokens();
    await assert.rejects(world.tokens.create(kind, { ...web, ttlMs }), expected);
    assert.deepEqual(world.store.listTokens(), []);
  });
}

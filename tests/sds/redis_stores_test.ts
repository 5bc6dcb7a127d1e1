// SPDX-License-Identifier: Apache-2.0
/**
 * What replicas of sds keep in a real Redis: the contracts of both stores, what one replica is told of
 * another's changes, and what is never undone when Redis has lost its data.
 * @module
 */
import assert from "node:assert/strict";
import { StatusCode, StatusError } from "@denvoy/base";
import { systemClock } from "@denvoy/runtime";
import { accessStoreContract } from "@denvoy/sds/access_store_contract";
import { caStoreContract } from "@denvoy/sds/ca_store_contract";
import { AesSealer } from "@denvoy/sds/shared_stores";
import { freePort, startRedis } from "../support/mod.ts";
import { becomes, HOUR_MS, linkTo, openReplica } from "./redis_replica.ts";

const otherSealer = await AesSealer.create(new Uint8Array(32).fill(8));

function code(wanted: StatusCode, message: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof StatusError, String(error));
    assert.equal(error.code, wanted, error.message);
    assert.match(error.message, message);
    return true;
  };
}

const signer = { id: "0b", der: Uint8Array.of(3), between: [], sealedKey: Uint8Array.of(4) };
const authority = {
  ...{ id: "0a", state: "active", preparedAtMs: 1, rootDer: Uint8Array.of(1) } as const,
  signers: [signer],
};
const state = { revision: 1, trustDomain: "shop", sequence: 1, authorities: [authority] };

function certificate(serial: string, lifeMs = HOUR_MS) {
  const [notBeforeMs, notAfterMs] = [systemClock.nowMs(), systemClock.nowMs() + lifeMs];
  const ids = { authorityId: "0a", signerId: "0b" };
  return { serial, names: ["spiffe://shop/web"], notBeforeMs, notAfterMs, ...ids };
}

function revocation({ serial, notAfterMs }: ReturnType<typeof certificate>) {
  return { serial, notAfterMs, revokedAtMs: systemClock.nowMs(), reason: "unspecified" as const };
}

function token(hash: string) {
  const expiresAtMs = systemClock.nowMs() + HOUR_MS;
  return {
    hash,
    kind: "join",
    identity: "spiffe://shop/web",
    createdAtMs: 1,
    expiresAtMs,
  } as const;
}

Deno.test("the stores of sds in Redis do what every store does", async (t) => {
  await using redis = await startRedis();
  for (const [what, run] of Object.entries(caStoreContract)) {
    await t.step(`RedisCaStore ${what}`, async () => {
      await using only = await openReplica(redis, { keyPrefix: what });
      await run(only.ca);
    });
  }
  for (const [what, run] of Object.entries(accessStoreContract)) {
    await t.step(`RedisAccessStore ${what}`, async () => {
      await using only = await openReplica(redis, { keyPrefix: what });
      await run(only.access);
    });
  }
});

Deno.test("of two replicas one makes the CA, and each is told what the other changes", async () => {
  await using redis = await startRedis();
  await using first = await openReplica(redis);
  await using second = await openReplica(redis);
  const outcomes = await Promise.allSettled([first.ca.save(state), second.ca.save(state)]);
  assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
  assert.deepEqual(await first.ca.load(), await second.ca.load());
  assert.equal(first.ca.caId, second.ca.caId);

  const heard: string[] = [];
  second.ca.subscribe((change) => void heard.push(JSON.stringify(change)));
  second.access.subscribe((change) => void heard.push(JSON.stringify(change)));
  const leaf = certificate("01");
  await first.ca.addIssued(leaf);
  await first.ca.revoke(revocation(leaf));
  await first.ca.save({ ...state, revision: 2 });
  await first.ca.writeSealed("tickets", Uint8Array.of(1));
  await first.access.putSealedSecret("a", Uint8Array.of(1));
  await first.access.addToken({ ...token("t"), kind: "node" });
  await becomes("the token to be known", () => second.access.countTokens() === 1);
  await first.access.removeTokensOf("spiffe://shop/web");
  await becomes("all to be heard", () => heard.length === 5);
  assert.deepEqual(heard.toSorted(), [
    '{"kind":"revoked","serials":["01"]}',
    '{"kind":"sealed","name":"tickets"}',
    '{"kind":"secret","name":"a"}',
    '{"kind":"state"}',
    '{"kind":"tokens-removed"}',
  ]);
  assert.equal((await second.ca.load())?.revision, 2);
  assert.equal(second.ca.isRevoked("01"), true);
  await assert.rejects(second.ca.save({ ...state, revision: 2 }), code(StatusCode.ABORTED, /CA/));
});

Deno.test("a key of another replica opens nothing, and what Redis is given opens nothing by itself", async () => {
  await using redis = await startRedis();
  await using first = await openReplica(redis);
  await first.ca.save(state);
  await first.access.addToken(token("t"));
  await using stranger = await openReplica(redis, { sealer: otherSealer });
  const refuses = code(StatusCode.FAILED_PRECONDITION, /all replicas must have the same key/);
  await assert.rejects(stranger.ca.load(), refuses);
  await assert.rejects(stranger.ca.save(state), code(StatusCode.ABORTED, /another replica/));
  assert.equal(stranger.access.countTokens(), 0);
  await stranger.access.addToken(token("forged"));
  await becomes(
    "the forged token to be refused",
    () => JSON.stringify(first.logger.lines).includes("kept token cannot be opened"),
  );
  assert.equal(first.access.findToken("forged"), undefined);
  const kept = first.tables.get("ca", "state") ?? "";
  const plain = new TextDecoder("latin1").decode(Uint8Array.fromBase64(kept.split(" ")[1] ?? ""));
  assert.ok(!plain.includes("shop") && !plain.includes("sealedKey"));
});

Deno.test("while Redis is away certificates are issued, nothing else is changed, and all is written down later", async () => {
  const port = freePort();
  let redis = await startRedis({ port });
  try {
    await using first = await openReplica(redis);
    await using strict = await openReplica(redis, { withoutRedisMs: 0 });
    await first.ca.save(state);
    const early = certificate("01");
    await first.ca.addIssued(early);
    await first.ca.addIssued(certificate("02"));
    await first.access.addToken(token("used"));
    await first.access.addToken(token("kept"));
    await first.access.exchangeToken("used", token("node"));
    await first.ca.revoke(revocation(early));
    await strict.tables.catchUp();
    redis.child.kill("SIGKILL");
    await redis.child.exited;
    await becomes(
      "both to notice",
      () => [first, strict].every(({ tables }) => tables.awaySinceMs !== undefined),
    );

    await first.ca.addIssued(certificate("03"));
    assert.equal(first.issued.unwritten, 1);
    const unavailable = code(StatusCode.UNAVAILABLE, /Redis.*try again when \/readyz/);
    await assert.rejects(first.ca.addIssued(certificate("04", 48 * HOUR_MS)), unavailable);
    await assert.rejects(strict.ca.addIssued(certificate("05")), unavailable);
    await assert.rejects(first.ca.catchUp(), unavailable);
    assert.equal((await first.ca.load())?.revision, 1);
    await assert.rejects(first.ca.save({ ...state, revision: 2 }), unavailable);
    await assert.rejects(first.ca.revoke(revocation(certificate("02"))), unavailable);
    await assert.rejects(first.access.exchangeToken("kept", token("n")), unavailable);
    await assert.rejects(first.access.putSealedSecret("a", Uint8Array.of(1)), unavailable);
    assert.equal(first.access.findToken("kept")?.hash, "kept");
    assert.equal(first.ca.isRevoked("01"), true);

    redis = await startRedis({ port });
    await becomes(
      "what was issued to be written down",
      async () =>
        first.issued.unwritten === 0 && first.tables.awaySinceMs === undefined &&
        await first.ca.forgetEndedBefore(0) === 0 &&
        (await first.ca.findIssued("03")) !== undefined,
    );
    await using late = await openReplica(redis);
    assert.equal((await late.ca.load())?.revision, 1);
    assert.equal(late.ca.caId, first.ca.caId);
    assert.equal(late.ca.isRevoked("01"), true);
    assert.equal(late.access.findToken("used"), undefined);
    assert.equal(late.access.findToken("kept")?.hash, "kept");
    // Redis had lost what was issued before, too.
    assert.equal((await late.ca.findIssued("02"))?.serial, "02");
  } finally {
    await redis[Symbol.asyncDispose]();
  }
});

Deno.test("another CA in Redis is never taken for the one that was served", async () => {
  await using redis = await startRedis();
  await using first = await openReplica(redis);
  await first.ca.save(state);
  await using second = await openReplica(redis);
  await using other = await openReplica(redis, { keyPrefix: "other" });
  await other.ca.save(state);
  await second.ca.load();
  const foreign = other.tables.get("ca", "state") ?? "";
  await second.tables.change(() => ({ ca: { put: { state: foreign } } }));
  const refuses = code(StatusCode.FAILED_PRECONDITION, /Redis holds another one/);
  await assert.rejects(first.ca.load(), refuses);
  await assert.rejects(first.ca.addIssued(certificate("01")), refuses);
  assert.deepEqual(first.strange, ["Redis holds another one"]);
});

Deno.test("a state that is older than the one that was served is put back", async () => {
  await using redis = await startRedis();
  await using first = await openReplica(redis);
  await first.ca.save(state);
  const old = first.tables.get("ca", "state") ?? "";
  await first.ca.save({ ...state, revision: 2 });
  await first.tables.change(() => ({ ca: { put: { state: old } } }));
  assert.equal((await first.ca.load())?.revision, 2);
  await using second = await openReplica(redis);
  assert.equal((await second.ca.load())?.revision, 2);
});

/** What a server does that took over without the newest commits. */
const FORGET = `
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
redis.call('HSET', KEYS[1], 'i', 'another')
`;

Deno.test("a Redis that has lost a revocation and the use of a token is told of both again", async () => {
  await using redis = await startRedis();
  await using first = await openReplica(redis);
  await first.ca.save(state);
  const leaf = certificate("01");
  await first.ca.addIssued(leaf);
  await first.ca.revoke(revocation(leaf));
  await first.access.addToken(token("used"));
  const used = first.tables.get("tokens", "used") ?? "";
  await first.access.exchangeToken("used", token("node"));
  const link = linkTo(redis);
  while (!link.ready()) await new Promise<void>((resolve) => link.onReady(resolve));
  const keys = ["meta", "revoked", "tokens"].map((name) => `{denvoy_sds}:${name}`);
  await link.call("EVAL", [FORGET, keys.length, ...keys, "01", "used", used]);
  await becomes("Redis to be told", async () => {
    const isKept = await link.call("HEXISTS", [keys[2] ?? "", "used"]);
    return isKept === 0 && await link.call("HEXISTS", [keys[1] ?? "", "01"]) === 1;
  });
  await link.close();
  await using late = await openReplica(redis);
  assert.equal(late.ca.isRevoked("01"), true);
  assert.equal(late.access.findToken("used"), undefined);
  assert.equal(first.access.findToken("used"), undefined);
  assert.equal(await first.access.exchangeToken("used", token("again")), false);
});

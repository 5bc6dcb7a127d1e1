// SPDX-License-Identifier: Apache-2.0
/** Nothing that is secret can be found in the Redis that replicas of sds share. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { RedisLink } from "@denvoy/redis";
import { systemClock } from "@denvoy/runtime";
import { defaultCaSettings, type KeyType, openCa, WebCryptoKeys } from "@denvoy/sds/ca";
import { startRedis } from "../support/mod.ts";
import { HOUR_MS, linkTo, openReplica, sealer } from "./redis_replica.ts";

/** Makes real keys, and remembers each for the search. */
class RememberedKeys extends WebCryptoKeys {
  readonly made: Uint8Array[] = [];

  override async generate(type: KeyType) {
    const key = await super.generate(type);
    this.made.push(key.pkcs8);
    return key;
  }
}

/** Returns every text in Redis, whatever it is in. */
async function everything(link: RedisLink): Promise<readonly string[]> {
  const readers: Readonly<Record<string, readonly [string, ...string[]]>> = {
    hash: ["HGETALL"],
    stream: ["XRANGE", "-", "+"],
    zset: ["ZRANGE", "0", "-1"],
    string: ["GET"],
  };
  const keys = await link.call("KEYS", ["*"]) as readonly string[];
  const found = await Promise.all(keys.map(async (key) => {
    const [command = "GET", ...args] = readers[String(await link.call("TYPE", [key]))] ?? [];
    return await link.call(command, [key, ...args]);
  }));
  return found.flat(5).map(String);
}

/** What Base64 in a text stands for counts as well. */
function decoded(text: string): readonly string[] {
  const runs = text.match(/[A-Za-z0-9+/]{16,}={0,2}/g) ?? [];
  return [text, ...runs.map((run) => Buffer.from(run, "base64").toString("latin1"))];
}

function formsOf(bytes: Uint8Array): readonly string[] {
  const part = Buffer.from(bytes);
  return [part.toString("latin1"), part.toString("hex"), part.toString("base64").slice(0, -3)];
}

Deno.test("no key, token or value can be found in Redis", async () => {
  await using redis = await startRedis();
  await using replica = await openReplica(redis);
  const keys = new RememberedKeys();
  const options = { settings: defaultCaSettings, clock: systemClock, logger: replica.logger, keys };
  const shared = { store: replica.ca, sealer };
  await using opened = await openCa({ ...options, shared });
  const { facts } = await opened.ca.issue({ spiffeId: "spiffe://denvoy.local/cart" });
  await opened.ca.prepareRoot();
  await opened.ca.activateRoot({ force: true });
  await opened.ca.revoke(facts.serial);
  const identity = "spiffe://denvoy.local/token-of-this-one";
  const times = { createdAtMs: 1, expiresAtMs: systemClock.nowMs() + HOUR_MS };
  await replica.access.addToken({ hash: "ab".repeat(32), kind: "node", identity, ...times });
  assert.ok(keys.made.length >= 5);

  const link = linkTo(redis);
  while (!link.ready()) await new Promise<void>((resolve) => link.onReady(resolve));
  const texts = (await everything(link)).flatMap(decoded);
  await link.close();
  assert.ok(texts.includes(facts.serial), "the search finds what is there");
  // The private part of a P-256 key in PKCS#8 begins at byte 36.
  const secrets = keys.made.flatMap((pkcs8) => formsOf(pkcs8.subarray(36, 60)));
  for (const secret of [...secrets, "PRIVATE KEY", "sealedKey", "rootDer", identity]) {
    assert.ok(!texts.some((text) => text.includes(secret)), "a secret is in Redis");
  }
});

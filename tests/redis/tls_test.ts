// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { join } from "node:path";
import { repositoryRoot } from "@denvoy/tools/real_parts";
import type { RedisSettings, RedisTls } from "@denvoy/redis";
import { RedisCounterStore } from "@denvoy/rls/stores";
import { systemClock } from "@denvoy/runtime";
import { eventually, startRedis } from "../support/mod.ts";
import { hit, hourly, openStore } from "./store.ts";

function read(name: string): string {
  return Deno.readTextFileSync(join(repositoryRoot, "libs", "grpc", "testdata", name));
}

/** Ends TLS in front of a Redis: the pinned one is built without. */
class TlsFront implements AsyncDisposable {
  readonly #listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: read("server.pem"),
    key: read("server.key"),
  });
  readonly #redisPort: number;
  readonly #pairs = new Set<Promise<void>>();
  readonly #serving: Promise<void>;

  constructor(redisPort: number) {
    this.#redisPort = redisPort;
    this.#serving = this.#serve();
  }

  settings(tls: RedisTls): RedisSettings {
    const { port } = this.#listener.addr as Deno.NetAddr;
    return { topology: { kind: "single", address: { host: "127.0.0.1", port } }, tls };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
    await Promise.all(this.#pairs);
  }

  async #serve(): Promise<void> {
    for await (const client of this.#listener) {
      const pair = this.#join(client);
      this.#pairs.add(pair);
    }
  }

  async #join(client: Deno.TlsConn): Promise<void> {
    const redis = await Deno.connect({ hostname: "127.0.0.1", port: this.#redisPort });
    await Promise.allSettled([
      client.readable.pipeTo(redis.writable),
      redis.readable.pipeTo(client.writable),
    ]);
  }
}

Deno.test("RedisCounterStore counts over TLS, and trusts the given authority and name only", async (t) => {
  await using redis = await startRedis();
  await using front = new TlsFront(redis.port);
  const ca = read("ca.pem");
  await t.step("with the name of the certificate", async () => {
    await using opened = await openStore(front.settings({ ca, serverName: "localhost" }));
    assert.equal(await hit(opened.store, hourly("d_t_")), 1);
  });
  await t.step("not with an authority that is unknown", async () => {
    const store = new RedisCounterStore({
      redis: front.settings({ serverName: "localhost" }),
      clock: systemClock,
      schedule: (callback) => void setTimeout(callback, 0),
      random: () => 0,
    });
    await eventually(() => {
      const health = store.health();
      return health.kind === "failing" && /certificate|issuer/i.test(health.why);
    }, { what: "the certificate to be refused", detail: () => JSON.stringify(store.health()) });
    await store.close();
  });
});

// SPDX-License-Identifier: Apache-2.0
import { RedisQuotaExchange } from "@denvoy/rls/quota_exchange";
import { quotaExchangeContract } from "@denvoy/rls/quota_exchange_contract";
import { openRedisLink } from "@denvoy/redis";
import { systemClock } from "@denvoy/runtime";
import { eventually, startRedis } from "../support/mod.ts";

quotaExchangeContract("RedisQuotaExchange", async (body) => {
  await using redis = await startRedis();
  await body({
    async open(replica) {
      const address = { host: "127.0.0.1", port: redis.port };
      const link = openRedisLink({ topology: { kind: "single", address } });
      await eventually(() => link.ready(), { what: "the connection" });
      return new RedisQuotaExchange({ link, replica, keyPrefix: "", clock: systemClock });
    },
    async outlast(ttlMs) {
      const endMs = performance.now() + ttlMs + 50;
      await eventually(() => performance.now() > endMs, { what: "claims to run out" });
    },
  });
});

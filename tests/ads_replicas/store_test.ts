// SPDX-License-Identifier: Apache-2.0
import { startRedis } from "../support/mod.ts";
import { onPort } from "../redis/store.ts";
import { keepContractOn } from "./contract.ts";

Deno.test("replicas of ads keep the contract of stores", async (t) => {
  await using redis = await startRedis();
  await keepContractOn(t, onPort(redis.port));
});

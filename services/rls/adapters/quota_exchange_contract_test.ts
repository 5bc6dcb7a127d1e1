// SPDX-License-Identifier: Apache-2.0
import { FakeClock } from "@denvoy/base/testing";
import { MemoryQuotaExchange, MemoryQuotaHall } from "../domain/testing/memory_quota_exchange.ts";
import { quotaExchangeContract } from "./quota_exchange_contract.ts";

quotaExchangeContract("MemoryQuotaExchange", async (body) => {
  const clock = new FakeClock();
  const hall = new MemoryQuotaHall(() => clock.nowMs());
  await body({
    open: (replica) => Promise.resolve(new MemoryQuotaExchange(hall, replica)),
    outlast: (ttlMs) => Promise.resolve(clock.advance(ttlMs)),
  });
});

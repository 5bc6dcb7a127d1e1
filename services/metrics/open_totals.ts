// SPDX-License-Identifier: Apache-2.0
/**
 * Opens what totals are kept in: Redis, shared with other replicas, or a file of this process.
 * @module
 */
import { join } from "node:path";
import { mainRedisSettings, openRedisLink } from "@denvoy/redis";
import type { Runtime } from "@denvoy/runtime";
import { RedisSharedTotals } from "./adapters/redis_shared_totals.ts";
import { SqliteTotalsStore } from "./adapters/sqlite_totals_store.ts";
import type { MetricsConfig } from "./config.ts";
import type { Fleet } from "./domain/fleet.ts";
import { type NodeClaims, soleClaims } from "./handlers/node_claims.ts";
import { repeat } from "./repeat.ts";
import { SharedNodes } from "./shared_nodes.ts";
import { TotalsKeeper } from "./totals_keeper.ts";

/** Says which nodes are ours, and writes down what is counted of them until it is disposed of. */
export type Totals = NodeClaims & AsyncDisposable;

interface Counted {
  readonly fleet: Fleet;
  readonly runtime: Runtime;
}

/** The `--data-dir` of a service that is to forget everything when it stops. */
const NO_DATA_DIR = ":memory:";
const TICK_MS = 1_000;
/** A replica that is silent for longer has nothing any more. */
const LEASE_MS = 5_000;

/** Opens the store of the settings. @throws ProblemError, StatusError when it cannot be opened */
export function openTotals(config: MetricsConfig, counted: Counted): Totals {
  const { redisUrl } = config;
  return redisUrl === undefined
    ? openFile(config, counted)
    : openShared({ ...config, redisUrl }, counted);
}

function openFile({ dataDir, saveMs }: MetricsConfig, { fleet, runtime }: Counted): Totals {
  if (dataDir === NO_DATA_DIR) return { ...soleClaims, async [Symbol.asyncDispose]() {} };
  Deno.mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const store = new SqliteTotalsStore(join(dataDir, "metrics.db"));
  const { clock, logger, readiness } = runtime;
  const health = readiness.component("totals");
  const keeper = new TotalsKeeper({ fleet, store, saveMs, health, logger });
  const ticks = repeat(runtime, { everyMs: TICK_MS, work: () => keeper.tick(clock.nowMs()) });
  return {
    ...soleClaims,
    async [Symbol.asyncDispose]() {
      await ticks[Symbol.asyncDispose]();
      keeper[Symbol.dispose]();
    },
  };
}

function openShared(
  config: MetricsConfig & { readonly redisUrl: string },
  { fleet, runtime: { clock, logger, metrics, readiness } }: Counted,
): Totals {
  const { redisUrl: url, keyPrefix = "", forgetMs, saveMs } = config;
  const moves = metrics.counter("moved_nodes_total", {
    help: "Nodes that came from other replicas (taken), went to them (given), or were taken by " +
      "them unasked (lost).",
    labels: ["direction"],
  });
  const saves = metrics.counter("saved_nodes_total", {
    help: "Times that the totals of a node were written to Redis.",
  }).with();
  const store = new RedisSharedTotals({
    link: openRedisLink(mainRedisSettings({ ...config, url }, "denvoy-metrics")),
    replica: crypto.randomUUID(),
    ...{ keyPrefix, leaseMs: LEASE_MS, forgetMs, clock },
  });
  return new SharedNodes({
    ...{ fleet, store, saveMs, clock, logger },
    health: readiness.component("redis"),
    onSave: () => saves.add(),
    onMove: (direction) => moves.add(1, { direction }),
  });
}

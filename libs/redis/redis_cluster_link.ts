// SPDX-License-Identifier: Apache-2.0
/**
 * The connections to a Redis Cluster: where each key is, and redirections while it changes.
 * @module
 */
import { Cluster, type Redis } from "ioredis";
import { clusterSlot } from "./cluster_slot.ts";
import type { ScriptCommand } from "./redis_command.ts";
import type { RedisLink, RedisPlace } from "./redis_link.ts";
import type { RedisSettings } from "./redis_settings.ts";
import { connectionOptions, disconnected, isOpen, keepCredentials } from "./redis_single_link.ts";

/** One ioredis cluster client, which follows slots to their new nodes. */
export class ClusterRedisLink implements RedisLink {
  /** See {@linkcode RedisLink.isOnePlace}. */
  readonly isOnePlace = false;
  readonly #cluster: Cluster;
  #trouble = "connecting";

  /** Begins to connect, and goes on trying until it is closed. */
  constructor(settings: RedisSettings) {
    const { topology } = settings;
    if (topology.kind !== "cluster") throw new TypeError("this link is for a cluster");
    this.#cluster = new Cluster(topology.nodes.map((address) => ({ ...address })), {
      redisOptions: connectionOptions(settings),
      enableOfflineQueue: false,
      clusterRetryStrategy: (times) => Math.min(50 * times, 1_000),
      // A node that went away: where its slots are now is looked up and the command sent again. If it
      // was executed already it counts twice, which is the safe side; better than a failed request.
      retryDelayOnFailover: 5,
      retryDelayOnClusterDown: 0,
      retryDelayOnTryAgain: 5,
      maxRedirections: 4,
      slotsRefreshTimeout: 1_000,
      slotsRefreshInterval: 1_000,
    });
    this.#cluster.on("+node", (node: Redis) => keepCredentials(node, settings));
    this.#cluster.on("error", (error: Error) => this.#trouble = error.message);
    this.#cluster.on("node error", (error: Error) => this.#trouble = error.message);
    this.#cluster.on("ready", () => this.#trouble = "");
  }

  /** The node that has the key's slot, as far as is known. */
  place(key: string): RedisPlace {
    const slot = clusterSlot(key);
    return { lane: this.#cluster.slots[slot]?.[0] ?? "", slot };
  }

  /** Tells whether the cluster's map is known. */
  ready(): boolean {
    return this.#cluster.status === "ready";
  }

  /** See {@linkcode RedisLink.trouble}. */
  trouble(): string {
    return this.#trouble;
  }

  /** See {@linkcode RedisLink.send}. */
  send(command: ScriptCommand): Promise<unknown> {
    return Promise.resolve(this.#cluster.sendCommand(command));
  }

  /** See {@linkcode RedisLink.call}. */
  call(command: string, args: readonly (string | number)[]): Promise<unknown> {
    return this.#cluster.call(command, args as (string | number)[]);
  }

  /** See {@linkcode RedisLink.drop}. */
  drop(lane: string): void {
    for (const node of this.#cluster.nodes("all")) {
      if (`${node.options.host}:${node.options.port}` === lane) node.disconnect(true);
    }
  }

  /** See {@linkcode RedisLink.onReady}. */
  onReady(callback: () => void): void {
    this.#cluster.on("ready", callback);
  }

  /** See {@linkcode RedisLink.close}. */
  async close(): Promise<void> {
    // A look at the slots that ends after the client has ended makes ioredis look again for ever.
    await new Promise<void>((resolve) => this.#cluster.refreshSlotsCache(() => resolve()));
    const nodes = this.#cluster.nodes("all");
    const ended = nodes.filter(isOpen)
      .map((node) => new Promise<void>((resolve) => void node.once("end", () => resolve())));
    this.#cluster.disconnect();
    await Promise.all([...ended, disconnected()]);
  }
}

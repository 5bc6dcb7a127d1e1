// SPDX-License-Identifier: Apache-2.0
/**
 * What services need of a Redis, whether it is one server, one behind Sentinel, or a cluster.
 * @module
 */
import type { ScriptCommand } from "./redis_command.ts";

/** Where a key is. */
export interface RedisPlace {
  /** The server, or `""` where there is but one: what fails together. */
  readonly lane: string;
  /** The cluster slot, 0 outside a cluster: what one script can reach. */
  readonly slot: number;
}

/** A connection that heals itself. */
export interface RedisLink {
  /** All keys are in one place. */
  readonly isOnePlace: boolean;
  /** Returns where a key is at present. */
  place(key: string): RedisPlace;
  /** Tells whether commands would be sent at once. */
  ready(): boolean;
  /** The newest trouble with the connection, in words without secrets. */
  trouble(): string;
  /**
   * Sends a call of a script. One server never gets it twice; a cluster may when a connection breaks
   * under it.
   */
  send(command: ScriptCommand): Promise<unknown>;
  /** Sends a command; likewise. */
  call(command: string, args: readonly (string | number)[]): Promise<unknown>;
  /** Gives up a server's connection and makes a new one, which finds a new master. */
  drop(lane: string): void;
  /** Calls back whenever the connection has become ready. */
  onReady(callback: () => void): void;
  /** Closes for good; resolves when nothing is left. */
  close(): Promise<void>;
}

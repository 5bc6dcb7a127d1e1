// SPDX-License-Identifier: Apache-2.0
/**
 * Stops the timers that grpc-js leaves behind: a channel that is closed while it waits to connect
 * again lets that timer run out. It reads private members; where they are not as known, the timers
 * run out (they do not hold the process).
 * @module
 */
import type { Channel } from "@grpc/grpc-js";

/** Stops the reconnection of a channel that has its own subchannel pool and will be closed next. */
export function stopReconnecting(channel: Channel): void {
  const pools = read(read(read(channel, "internalChannel"), "subchannelPool"), "pool");
  for (const entries of Object.values(pools ?? {})) {
    for (const entry of Array.isArray(entries) ? entries : []) {
      const timeout = read(read(entry, "subchannel"), "backoffTimeout");
      const stop = read(timeout, "stop");
      if (typeof timeout !== "object" || timeout === null || typeof stop !== "function") continue;
      Reflect.apply(stop, timeout, []);
      // An attempt that is under way would start the timer again when it fails.
      Reflect.set(timeout, "runOnce", () => {});
    }
  }
}

function read(owner: unknown, name: string): unknown {
  return typeof owner === "object" && owner !== null ? Reflect.get(owner, name) : undefined;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What Redis's words of error mean for the request, for those after it, and for the connection.
 * @module
 */
import type { StoreFailure } from "../domain/counter_store.ts";

/** A failure and what follows from it. */
export interface RedisFailure {
  /** What the caller is told. */
  readonly failure: StoreFailure;
  /** `request`: only it; `store`: whatever is asked now fails too; `server`: it is the wrong one. */
  readonly concerns: "request" | "store" | "server";
}

// A replica that was master, one that still reads its data, one that lost its master: another may
// serve by now, and a new connection finds it.
const wrongServer = /\b(READONLY|LOADING|MASTERDOWN|NOAUTH|WRONGPASS)\b/;
const storeWide = /\b(OOM|MISCONF|NOREPLICAS|CLUSTERDOWN|NOPERM|BUSY)\b/;
const anyCode = /\b(WRONGTYPE|ERR|CROSSSLOT|TRYAGAIN|MOVED|ASK)\b/;

/** Explains what Redis answered, or what happened to the connection. */
export function explainRedisError(words: string): RedisFailure {
  const why = words.slice(0, 200);
  if (wrongServer.test(words)) {
    return { failure: { kind: "refused", why }, concerns: "server" };
  }
  if (storeWide.test(words)) return { failure: { kind: "refused", why }, concerns: "store" };
  if (anyCode.test(words)) return { failure: { kind: "refused", why }, concerns: "request" };
  return { failure: { kind: "unavailable", why }, concerns: "store" };
}

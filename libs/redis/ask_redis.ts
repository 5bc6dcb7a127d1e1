// SPDX-License-Identifier: Apache-2.0
/**
 * One question to Redis, with an end to the wait for its answer.
 * @module
 */
import type { Clock } from "@denvoy/base";
import type { RedisLink } from "./redis_link.ts";

/** A question. */
export interface RedisQuestion {
  /** The command. */
  readonly command: string;
  /** What it takes. */
  readonly args: readonly (string | number)[];
  /** A key of it, which tells the server that is given up when no answer comes. */
  readonly key: string;
  /** Time. */
  readonly clock: Clock;
}

/** How long an answer may take, and so much more for each so many characters that are sent. */
const TIMEOUT_MS = 5_000;
const CHARACTERS_PER_MS = 1_000;

/**
 * Resolves with the answer. Rejects with why there is none: at once without a connection, else after 5
 * seconds, when the connection is given up and nobody can tell whether the command was executed.
 */
export async function askRedis(
  link: RedisLink,
  { command, args, key, clock }: RedisQuestion,
): Promise<unknown> {
  if (!link.ready()) throw new Error(`not connected: ${link.trouble()}`);
  const { lane } = link.place(key);
  const late = Promise.withResolvers<never>();
  const characters = args.reduce<number>((sum, arg) => sum + String(arg).length, 0);
  const timer = clock.after(TIMEOUT_MS + characters / CHARACTERS_PER_MS, () => {
    link.drop(lane);
    late.reject(new Error("does not answer"));
  });
  try {
    return await Promise.race([link.call(command, args), late.promise]);
  } catch (error) {
    // A server that was a master and is none any more: a new connection finds the one that is.
    if (error instanceof Error && error.message.startsWith("READONLY")) link.drop(lane);
    throw error;
  } finally {
    timer.cancel();
  }
}

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

/** How long an answer is waited for, and what then. */
export interface AnswerWait {
  /** The connection that is to answer. */
  readonly link: RedisLink;
  /** A key that is asked about; its server is given up when no answer comes. */
  readonly key: string;
  /** Time. */
  readonly clock: Clock;
  /** The longest wait, in milliseconds. */
  readonly timeoutMs: number;
  /** What the error says when no answer has come. */
  readonly why: string;
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
  const characters = args.reduce<number>((sum, arg) => sum + String(arg).length, 0);
  const timeoutMs = TIMEOUT_MS + characters / CHARACTERS_PER_MS;
  try {
    const work = link.call(command, args);
    return await answerInTime(work, { link, key, clock, timeoutMs, why: "does not answer" });
  } catch (error) {
    // A server that was a master and is none any more: a new connection finds the one that is.
    if (error instanceof Error && error.message.startsWith("READONLY")) {
      link.drop(link.place(key).lane);
    }
    throw error;
  }
}

/**
 * Resolves or rejects as `work` does, but rejects after `timeoutMs`: nobody waits for a Redis that does
 * not answer, and a new connection finds one that does.
 */
export async function answerInTime<T>(
  work: Promise<T>,
  { link, key, clock, timeoutMs, why }: AnswerWait,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = clock.after(timeoutMs, () => {
    link.drop(link.place(key).lane);
    late.reject(new Error(why));
  });
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    timer.cancel();
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Work that is done again and again, never twice at once.
 * @module
 */
import type { Timer } from "@denvoy/base";
import type { Runtime } from "@denvoy/runtime";

/** What is repeated. */
export interface RepeatOptions {
  /** Time between the end of one round and the start of the next, in milliseconds. */
  readonly everyMs: number;
  /** One round; what it throws is logged. */
  readonly work: () => void | Promise<void>;
}

/** Repeats until it is disposed of, which waits for a round that is under way. */
export function repeat(
  { clock, logger }: Pick<Runtime, "clock" | "logger">,
  { everyMs, work }: RepeatOptions,
): AsyncDisposable {
  let timer: Timer;
  let closed = false;
  let round: Promise<void> = Promise.resolve();
  const schedule = () => timer = clock.after(everyMs, () => round = tick());
  const tick = async () => {
    try {
      await work();
    } catch (error) {
      logger.error("cannot do what is due", { error });
    }
    if (!closed) schedule();
  };
  schedule();
  return {
    async [Symbol.asyncDispose]() {
      closed = true;
      timer.cancel();
      await round;
    },
  };
}

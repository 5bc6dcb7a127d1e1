// SPDX-License-Identifier: Apache-2.0
/**
 * Waits for a condition, never for a time.
 * @module
 */

/** How long to wait, and what for. */
export interface EventuallyOptions {
  /** What is waited for, as the end of "waited 5000 ms for …". */
  readonly what: string;
  /** The bound in milliseconds. @default 10000 */
  readonly withinMs?: number;
  /** More about the state of things, added to the message of a failure. */
  readonly detail?: () => string;
  /** Ends the wait early, with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Returns the first result of `condition` that is neither `undefined` nor `false`. An error that
 * `condition` throws counts as "not yet" (so that assertions can be conditions); when the bound is
 * reached, the last one is the cause of the error that is thrown.
 */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  options: EventuallyOptions,
): Promise<Exclude<T, undefined | false | void>> {
  const withinMs = options.withinMs ?? 10_000;
  const deadline = performance.now() + withinMs;
  let cause: unknown;
  for (let pauseMs = 5; performance.now() < deadline; pauseMs = Math.min(pauseMs * 1.5, 100)) {
    options.signal?.throwIfAborted();
    try {
      const result = await condition();
      if (result !== undefined && result !== false) {
        return result as Exclude<T, undefined | false | void>;
      }
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await pause(pauseMs);
  }
  throw timeoutError({ ...options, withinMs }, cause);
}

/** Like {@linkcode eventually} for a condition whose passing is that it throws nothing. */
export async function eventuallyPasses(
  assertion: () => void | Promise<void>,
  options: EventuallyOptions,
): Promise<void> {
  await eventually(async () => {
    await assertion();
    return true;
  }, options);
}

/**
 * Checks over and over for `forMs` that `condition` holds: for what must not happen. Throws at the
 * first time that it does not.
 */
export async function staysTrue(
  condition: () => boolean | Promise<boolean>,
  options: { readonly what: string; readonly forMs: number },
): Promise<void> {
  const end = performance.now() + options.forMs;
  while (performance.now() < end) {
    if (!await condition()) {
      throw new Error(`expected that ${options.what} for ${options.forMs} ms`);
    }
    await pause(20);
  }
}

function timeoutError(
  { what, withinMs, detail }: EventuallyOptions & { readonly withinMs: number },
  cause: unknown,
): Error {
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  const more = detail === undefined ? "" : `\n${detail()}`;
  return new Error(`waited ${withinMs} ms for ${what}${reason}${more}`, { cause });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

// SPDX-License-Identifier: Apache-2.0
/**
 * How a command ends.
 * @module
 */
import { EXIT_CODES } from "@denvoy/runtime";

/** Exit codes of `denvoy`: those of services, and one for a server that does not answer. */
export const Exit = Object.freeze({
  ...EXIT_CODES,
  /** The server cannot be reached, so that nothing is known of what was asked. */
  unreachable: 3,
});

/** What each exit code means, for people. */
export const exitCodeMeanings: readonly (readonly [code: number, meaning: string])[] = [
  [Exit.ok, "done"],
  [Exit.failed, "refused, not found, or what was checked has errors"],
  [Exit.usage, "the command line is wrong; nothing was done"],
  [Exit.unreachable, "the server cannot be reached"],
  [Exit.interrupted, "a second signal cut a drain short"],
];

/** What keeps a command from doing its work: printed without a stack, with what to do about it. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /** The exit code. */
  readonly exit: number;
  /** What to do, as a sentence without a full stop. */
  readonly advice: string | undefined;

  /** `message` is lower-case, without a full stop. */
  constructor(
    message: string,
    options: { readonly exit?: number; readonly advice?: string } = {},
  ) {
    super(message);
    this.exit = options.exit ?? Exit.failed;
    this.advice = options.advice;
  }
}

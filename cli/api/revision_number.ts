// SPDX-License-Identifier: Apache-2.0
/**
 * Numbers of revisions on the command line.
 * @module
 */
import { CommandError, Exit } from "../command_line/exit_code.ts";

/**
 * Returns the number of a revision as it stands in addresses.
 * @throws {CommandError} when it is none
 */
export function revisionNumber(text: string): string {
  if (/^\d{1,12}$/.test(text)) return text;
  throw new CommandError(`a revision must be a number: value is ${JSON.stringify(text)}`, {
    exit: Exit.usage,
    advice: "They are listed by: denvoy inspect revisions",
  });
}

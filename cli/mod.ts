// SPDX-License-Identifier: Apache-2.0
/**
 * The command line `denvoy`, for programs that call it from within.
 * @module
 */
export { renderCommandReference } from "./command_line/reference.ts";
export { type Program, runCommandLine } from "./command_line/run_command_line.ts";
export type { Terminal } from "./command_line/terminal.ts";
export { denvoy } from "./program.ts";

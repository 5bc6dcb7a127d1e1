// SPDX-License-Identifier: Apache-2.0
/**
 * The program `denvoy`.
 * @module
 */
import { runCommandLine } from "./command_line/run_command_line.ts";
import { systemTerminal } from "./command_line/terminal.ts";
import { denvoy } from "./program.ts";

if (import.meta.main) Deno.exit(await runCommandLine(denvoy, Deno.args, systemTerminal()));

// SPDX-License-Identifier: Apache-2.0
/**
 * All commands of `denvoy`.
 * @module
 */
import { VERSION } from "@denvoy/base";
import type { Program } from "./command_line/run_command_line.ts";
import { applyCommand, deleteCommand } from "./commands/apply.ts";
import { bootstrapCommand } from "./commands/bootstrap.ts";
import { checkCommand } from "./commands/check.ts";
import { completionCommand } from "./commands/completion.ts";
import { diffCommand } from "./commands/diff.ts";
import { healthCommand } from "./commands/health.ts";
import { inspectCommands } from "./commands/inspect.ts";
import { limitsCommands } from "./commands/limits.ts";
import { retryCommand, rollbackCommand, rolloutCommands } from "./commands/rollback.ts";
import { secretsCommands } from "./commands/secrets.ts";
import { serveCommand } from "./commands/serve.ts";
import { edgesCommand, topCommand } from "./commands/top.ts";

/** The program. */
export const denvoy: Program = {
  name: "denvoy",
  summary: "Denvoy: the control plane of an Envoy service mesh",
  version: VERSION,
  commands: [
    serveCommand,
    checkCommand,
    bootstrapCommand,
    inspectCommands,
    healthCommand,
    topCommand,
    edgesCommand,
    limitsCommands,
    diffCommand,
    applyCommand,
    deleteCommand,
    rollbackCommand,
    rolloutCommands,
    retryCommand,
    secretsCommands,
    completionCommand(() => denvoy.commands),
  ],
};

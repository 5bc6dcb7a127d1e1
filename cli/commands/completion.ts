// SPDX-License-Identifier: Apache-2.0
/**
 * `denvoy completion`: scripts that teach shells the commands.
 * @module
 */
import { type Command, type CommandEntry, defineCommand } from "../command_line/command.ts";
import { CommandError, Exit } from "../command_line/exit_code.ts";

const shells = ["bash", "zsh", "fish"] as const;

/** Returns `denvoy completion`; `commands` are all commands of the program. */
export function completionCommand(commands: () => readonly CommandEntry[]): Command {
  return defineCommand({
    name: "completion",
    summary: "Writes a script that completes commands, flags and words in a shell",
    positionals: [{ name: "SHELL", complete: shells, doc: "bash, zsh or fish." }],
    flags: {},
    examples: [
      { line: "source <(denvoy completion bash)", does: "In ~/.bashrc." },
      { line: 'denvoy completion zsh > "${fpath[1]}/_denvoy"', does: "Once, for zsh." },
      {
        line: "denvoy completion fish > ~/.config/fish/completions/denvoy.fish",
        does: "Once, for fish.",
      },
    ],
    async run({ positionals: [shell], terminal }) {
      const known = shells.find((name) => name === shell);
      if (known === undefined) {
        throw new CommandError(
          `SHELL must be one of ${shells.join(", ")}: value is ${JSON.stringify(shell)}`,
          { exit: Exit.usage },
        );
      }
      const { completionScript } = await import("../completion/completion_script.ts");
      terminal.out(completionScript(known, commands()));
      return Exit.ok;
    },
  });
}

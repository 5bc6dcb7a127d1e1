// SPDX-License-Identifier: Apache-2.0
/**
 * The completion scripts of all shells.
 * @module
 */
import type { CommandEntry } from "../command_line/command.ts";
import { services } from "../serve/services.ts";
import { bashScript } from "./bash_script.ts";
import { completionModel } from "./completion_model.ts";
import { fishScript } from "./fish_script.ts";
import { zshScript } from "./zsh_script.ts";

/** Returns the script of a shell. */
export function completionScript(
  shell: "bash" | "zsh" | "fish",
  commands: readonly CommandEntry[],
): string {
  const fields = new Map(
    services.flatMap(({ schema }) => schema.fields).map((field) => [field.flag, field]),
  );
  const nodes = completionModel(commands, [...fields.values()]);
  switch (shell) {
    case "bash":
      return bashScript(nodes);
    case "zsh":
      return zshScript(nodes);
    case "fish":
      return fishScript(nodes);
  }
}

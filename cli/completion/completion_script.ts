// SPDX-License-Identifier: Apache-2.0
/**
 * The completion scripts of all shells.
 * @module
 */
import type { NamedField } from "@denvoy/runtime";
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
  const nodes = completionModel(commands, serveFields());
  switch (shell) {
    case "bash":
      return bashScript(nodes);
    case "zsh":
      return zshScript(nodes);
    case "fish":
      return fishScript(nodes);
  }
}

/** Each flag once; where services differ in its default, also in the form that names its service. */
function serveFields(): readonly NamedField[] {
  const byFlag = new Map<string, NamedField>();
  const named: NamedField[] = [];
  for (const { schema } of services) {
    for (const field of schema.fields) {
      if (!byFlag.has(field.flag)) byFlag.set(field.flag, field);
      if (defaultOf(field.flag) === undefined) {
        named.push({ ...field, flag: `${schema.service}.${field.flag}` });
      }
    }
  }
  return [...byFlag.values(), ...named];
}

/** The default that all services give a flag; undefined when they differ. */
function defaultOf(flag: string): string | undefined {
  const fields = services.flatMap(({ schema }) => schema.fields).filter((one) => one.flag === flag);
  const texts = new Set(fields.map(({ field }) => field.defaultTexts.join()));
  return texts.size === 1 ? [...texts][0] : undefined;
}

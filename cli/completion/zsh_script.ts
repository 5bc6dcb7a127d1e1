// SPDX-License-Identifier: Apache-2.0
/**
 * Completion for zsh.
 * @module
 */
import type { CompletedFlag, Completion, CompletionNode } from "./completion_model.ts";

/** Returns the script. */
export function zshScript(nodes: readonly CompletionNode[]): string {
  return `#compdef denvoy
# Completion of denvoy for zsh: source <(denvoy completion zsh),
# or write it into a file _denvoy in a folder of $fpath.
${nodes.map(nodeFunction).join("\n")}
if [ "$funcstack[1]" = "_denvoy" ]; then _denvoy "$@"; else compdef _denvoy denvoy; fi
`;
}

function nodeFunction(node: CompletionNode): string {
  return node.commands.length > 0 ? groupFunction(node) : commandFunction(node);
}

function groupFunction({ path, commands }: CompletionNode): string {
  const described = commands.map(({ word, doc }) => `      ${single(`${word}:${doc}`)}`);
  const cases = commands.map(({ word }) => `      ${word}) ${nameOf([...path, word])} ;;`);
  return `${nameOf(path)}() {
  local context state state_descr line
  typeset -A opt_args
  _arguments -C '(-h --help)'{-h,--help}'[Prints what it does]' '1: :->command' '*:: :->rest'
  case $state in
  command)
    local -a commands=(
${described.join("\n")}
    )
    _describe command commands ;;
  rest)
    case $line[1] in
${cases.join("\n")}
    esac ;;
  esac
}`;
}

function commandFunction({ path, flags, positionals, endless }: CompletionNode): string {
  const last = positionals.length - 1;
  const rules = [
    ...flags.map(flagRule),
    ...positionals.map((completion, index) => {
      const place = endless && index === last ? "*" : String(index + 1);
      return single(`${place}: :${action(completion)}`);
    }),
  ];
  return `${nameOf(path)}() {
  _arguments -s \\
${rules.map((rule) => `    ${rule}`).join(" \\\n")}
}`;
}

function flagRule({ word, short, doc, value, repeated }: CompletedFlag): string {
  const text = `[${doc.replace(/[[\]\\:]/g, "\\$&")}]`;
  const takes = value === undefined ? "" : `:value:${action(value)}`;
  const equals = value === undefined ? "" : "=";
  if (short === undefined) {
    return single(`${repeated ? "*" : ""}--${word}${equals}${text}${takes}`);
  }
  const names = `{-${short},--${word}}`;
  return `'(-${short} --${word})'${names}${single(text + takes)}`;
}

function action(completion: Completion): string {
  if (completion === "files") return "_files";
  return completion === "nothing" ? " " : `(${completion.join(" ")})`;
}

function nameOf(path: readonly string[]): string {
  return ["_denvoy", ...path].join("_");
}

function single(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Completion for bash.
 * @module
 */
import type { Completion, CompletionNode } from "./completion_model.ts";

/** Returns the script. */
export function bashScript(nodes: readonly CompletionNode[]): string {
  const paths = nodes.filter(({ path }) => path.length > 0).map(({ path }) => quoted(path));
  return `# Completion of denvoy for bash: source <(denvoy completion bash)
_denvoy() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local path="" words="" files="" flags="" i
  # "--flag=value" comes as three words.
  if [[ $cur == "=" ]]; then cur=""; elif [[ $prev == "=" ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${path:+$path }\${COMP_WORDS[i]}" in
      ${paths.join(" | ")}) path="\${path:+$path }\${COMP_WORDS[i]}" ;;
    esac
  done
  COMPREPLY=()
  case "$path $prev" in
${nodes.flatMap(valueCases).join("\n")}
  esac
  case "$path" in
${nodes.map(nodeCase).join("\n")}
  esac
  if [[ $cur == -* ]]; then words=$flags files=""; fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  if [[ -n $files ]]; then _denvoy_files "$cur"; fi
}

_denvoy_files() {
  compopt -o filenames 2> /dev/null
  local IFS=$'\\n'
  COMPREPLY+=($(compgen -f -- "$1"))
}

complete -F _denvoy denvoy
`;
}

function valueCases({ path, flags }: CompletionNode): readonly string[] {
  return flags.flatMap(({ word, short, value }) => {
    if (value === undefined) return [];
    const names = [`--${word}`, ...(short === undefined ? [] : [`-${short}`])];
    const patterns = names.map((name) => `"${path.join(" ")} ${name}"`).join(" | ");
    return [`    ${patterns}) ${valueAction(value)}; return ;;`];
  });
}

function valueAction(value: Completion): string {
  if (value === "files") return '_denvoy_files "$cur"';
  if (value === "nothing") return ":";
  return `COMPREPLY=($(compgen -W "${value.join(" ")}" -- "$cur"))`;
}

function nodeCase({ path, commands, flags, positionals }: CompletionNode): string {
  const words = [...commands.map(({ word }) => word), ...positionals.flatMap(wordsOf)];
  const names = flags.flatMap(({ word, short }) => [
    `--${word}`,
    ...(short === undefined ? [] : [`-${short}`]),
  ]);
  const files = positionals.includes("files") ? " files=1" : "";
  return `    ${quoted(path)}) words="${words.join(" ")}" flags="${names.join(" ")}"${files} ;;`;
}

function wordsOf(completion: Completion): readonly string[] {
  return typeof completion === "string" ? [] : completion;
}

function quoted(path: readonly string[]): string {
  return `"${path.join(" ")}"`;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Completion for fish.
 * @module
 */
import type { CompletedFlag, Completion, CompletionNode } from "./completion_model.ts";

/** Returns the script. */
export function fishScript(nodes: readonly CompletionNode[]): string {
  const paths = nodes.filter(({ path }) => path.length > 0).map(({ path }) =>
    single(path.join(" "))
  );
  return `# Completion of denvoy for fish: denvoy completion fish | source
function __denvoy_at
    set -l path ""
    for word in (commandline -opc)[2..]
        set -l next (string trim -- "$path $word")
        if contains -- $next ${paths.join(" ")}
            set path $next
        end
    end
    test "$path" = "$argv[1]"
end

complete -c denvoy -f
${nodes.flatMap(nodeLines).join("\n")}
`;
}

function nodeLines({ path, commands, flags, positionals }: CompletionNode): readonly string[] {
  const head = `complete -c denvoy -n "__denvoy_at ${single(path.join(" "))}"`;
  return [
    ...commands.map(({ word, doc }) => `${head} -a ${word} -d ${single(doc)}`),
    ...flags.map((flag) => `${head} ${flagWords(flag)} -d ${single(flag.doc)}`),
    ...positionals.flatMap((completion) => positionalLine(head, completion)),
  ];
}

function flagWords({ word, short, value }: CompletedFlag): string {
  const names = `${short === undefined ? "" : `-s ${short} `}-l ${word}`;
  if (value === undefined) return names;
  if (value === "files") return `${names} -r -F`;
  return value === "nothing" ? `${names} -x` : `${names} -x -a ${single(value.join(" "))}`;
}

function positionalLine(head: string, completion: Completion): readonly string[] {
  if (completion === "files") return [`${head} -F`];
  return completion === "nothing" ? [] : [`${head} -a ${single(completion.join(" "))}`];
}

function single(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * `denvoy check`: everything that is wrong with files, before they are served.
 * @module
 */
import { bool, oneOf, pathList } from "@denvoy/runtime";
import {
  countProblems,
  githubReport,
  jsonReport,
  reportFormats,
  textReport,
} from "../check/report.ts";
import { type Call, type Command, defineCommand } from "../command_line/command.ts";
import { CommandError, Exit } from "../command_line/exit_code.ts";

const flags = {
  format: oneOf(reportFormats, {
    default: "text",
    doc: "For people, for programs, or as annotations of GitHub Actions.",
  }),
  strict: bool({ doc: "Warnings fail, too." }),
  danglingFiles: oneOf(["strict", "refuse", "warn"], {
    default: "warn",
    doc: "What references to something that nobody has are: `strict` makes them errors, `refuse` " +
      "too but for endpoints, `warn` warnings. As the flag of ads.",
  }),
  limits: pathList({
    doc:
      "File or folder of limits, as the flag of rls; may be given again. Needed only for files " +
      "that do not look like limits.",
  }),
  mergeDomains: bool({
    doc: "Lets several limit files add rules to one domain, as the flag of rls.",
  }),
};

/** `denvoy check`. */
export const checkCommand: Command = defineCommand({
  name: "check",
  summary: "Checks resources, limits and bootstraps; every error with its place",
  about: [
    "Reads what `denvoy serve ads --resources PATH` would read, and finds what Envoy or Denvoy " +
    "would refuse: syntax, unknown fields and types, values out of bounds, names given twice, " +
    "references that lead nowhere.",
    "All paths together are taken for what is served. A file in the form of an Envoy bootstrap is " +
    "checked as one when it is named itself.",
    "A file with `domain` and `descriptors` at its root is one of limits, wherever it is: it is " +
    "checked as `denvoy serve rls --limits PATH` would, and all such files together.",
  ],
  positionals: [{
    name: "PATH",
    count: "any",
    complete: "files",
    doc: "File or folder; `-` is the standard input.",
  }],
  flags,
  examples: [
    { line: "denvoy check resources/", does: "All files in a folder, and below." },
    {
      line: "denvoy check --format github --strict resources/",
      does: "In a workflow of GitHub Actions: problems are shown at their lines.",
    },
    { line: "denvoy check envoy.yaml", does: "A bootstrap." },
    { line: "denvoy check --limits limits/", does: "The limit files of rls, whatever is in them." },
  ],
  run: runCheck,
});

async function runCheck({ positionals, flags: given, terminal }: Call<typeof flags>) {
  if (positionals.length + given.limits.length === 0) {
    throw new CommandError("PATH or --limits must be given", { exit: Exit.usage });
  }
  const { checkPaths } = await import("../check/check_paths.ts");
  const result = await checkPaths(positionals, {
    policy: given.danglingFiles,
    limits: given.limits,
    mergeDomains: given.mergeDomains,
    readInput: () => terminal.readInput(),
  });
  switch (given.format) {
    case "text":
      terminal.out(textReport(result, terminal.styles));
      break;
    case "json":
      terminal.out(jsonReport(result));
      break;
    case "github":
      terminal.out(githubReport(result));
      break;
  }
  const { errors, warnings } = countProblems(result.problems);
  return errors > 0 || (given.strict && warnings > 0) ? Exit.failed : Exit.ok;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * `denvoy rollback`, `denvoy rollout` and `denvoy retry`: decisions about what was changed.
 * @module
 */
import { bool } from "@denvoy/runtime";
import type { RolloutAnswer, WriteAnswer } from "../api/answers.ts";
import { connectionEnv, connectionFlags, withServer } from "../api/connection.ts";
import { revisionNumber } from "../api/revision_number.ts";
import { typeWord, typeWords } from "../api/type_words.ts";
import { type Command, type CommandGroup, defineCommand } from "../command_line/command.ts";
import { Exit } from "../command_line/exit_code.ts";
import { outcomeFlags, showOutcome } from "../write/change_flags.ts";

/** `denvoy rollback`. */
export const rollbackCommand: Command = defineCommand({
  name: "rollback",
  summary: "Serves again what was served at a revision",
  about: [
    "Makes a new revision. Over what files say it lasts until that resource changes in its file.",
  ],
  positionals: [{ name: "REVISION", doc: "Number of the revision: denvoy inspect revisions" }],
  flags: outcomeFlags,
  env: connectionEnv,
  examples: [
    { line: "denvoy rollback 11 --dry-run", does: "What would change." },
    { line: "denvoy rollback 11", does: "Goes back to what revision 11 served." },
  ],
  run(call) {
    const { positionals: [id = ""], flags } = call;
    const path = ["v1", "revisions", revisionNumber(id), "rollback"];
    return withServer(flags, async (client) => {
      const query = { dryRun: flags.dryRun };
      const request = { method: "POST", query, key: "result" } as const;
      showOutcome(await client.json<WriteAnswer>(path, request), call);
      return Exit.ok;
    });
  },
});

const decisionFlags = {
  json: bool({ doc: "Prints the rollout, for programs." }),
  ...connectionFlags,
};

function decisionCommand(name: "promote" | "abort", summary: string): Command {
  return defineCommand({
    name,
    summary,
    positionals: [{ name: "ROLLOUT", doc: "Id of the rollout: denvoy inspect rollouts" }],
    flags: decisionFlags,
    env: connectionEnv,
    examples: [{ line: `denvoy rollout ${name} rollout-3`, does: `${summary}.` }],
    run({ positionals: [id = ""], flags, terminal }) {
      return withServer(flags, async (client) => {
        const request = { method: "POST", key: "status" } as const;
        const rollout = await client.json<RolloutAnswer>(["v1", "rollouts", id, name], request);
        terminal.out(
          flags.json
            ? `${JSON.stringify(rollout, undefined, 2)}\n`
            : `${rollout.id} ${rollout.status}: ${rollout.why}\n`,
        );
        return Exit.ok;
      });
    },
  });
}

/** `denvoy rollout`. */
export const rolloutCommands: CommandGroup = {
  kind: "group",
  name: "rollout",
  summary: "Decides a rollout by hand",
  commands: [
    decisionCommand("promote", "Gives the change to all nodes now"),
    decisionCommand("abort", "Takes the change back now"),
  ],
};

/** `denvoy retry`. */
export const retryCommand: Command = defineCommand({
  name: "retry",
  summary: "Has a rejected resource tried again as it is",
  about: [
    "What an Envoy rejected is not sent to it again until it changes. If it was not the content's " +
    "fault, e.g. as a port was in use, this sends it again.",
  ],
  positionals: [
    { name: "TYPE", complete: typeWords, doc: "Its type: clusters, listeners …" },
    { name: "NAME", doc: "Its name." },
  ],
  flags: connectionFlags,
  env: connectionEnv,
  examples: [{ line: "denvoy retry listeners web", does: "Sends a listener again." }],
  run({ positionals: [type = "", name = ""], flags, terminal }) {
    return withServer(flags, async (client) => {
      const word = typeWord(type);
      await client.text(["v1", "rejections", word, name], { method: "POST" });
      terminal.out(`${word}/${name} is sent again; see: denvoy inspect nodes\n`);
      return Exit.ok;
    });
  },
});

// SPDX-License-Identifier: Apache-2.0
/**
 * `denvoy apply` and `denvoy delete`: write resources through ads' HTTP API.
 * @module
 */
import { bool, string } from "@denvoy/runtime";
import type { Query } from "../api/ads_client.ts";
import type { WriteAnswer } from "../api/answers.ts";
import { connectionEnv, withServer } from "../api/connection.ts";
import { typeWord, typeWords } from "../api/type_words.ts";
import {
  type Call,
  type CallContext,
  type Command,
  defineCommand,
} from "../command_line/command.ts";
import { CommandError, Exit } from "../command_line/exit_code.ts";
import {
  type ChangeFlags,
  changeFlags,
  changeQuery,
  showOutcome,
  waitForRollout,
} from "../write/change_flags.ts";

const applyFlags = {
  prune: bool({ doc: "Deletes what was written through the API before and is not in the files." }),
  ...changeFlags,
};

/** `denvoy apply`. */
export const applyCommand: Command = defineCommand({
  name: "apply",
  summary: "Writes the resources of files to ads, all or none",
  about: [
    "The files have the shape that ads reads from its folder. What is written stays when ads " +
    "restarts, and wins over a file of the same type and name.",
  ],
  positionals: [{
    name: "PATH",
    count: "some",
    complete: "files",
    doc: "File or folder; `-` is the standard input.",
  }],
  flags: applyFlags,
  env: connectionEnv,
  examples: [
    { line: "denvoy apply resources/ --dry-run", does: "What would change, and for which nodes." },
    {
      line: "denvoy apply routes.yaml --rollout id=edge-1 --wait",
      does: "First to one node; to all when it has accepted it, back if it rejects it.",
    },
    { line: "denvoy apply resources/ --prune", does: "Makes the API's layer equal to the folder." },
  ],
  run: runApply,
});

async function runApply(call: Call<typeof applyFlags>): Promise<number> {
  const { positionals, flags } = call;
  assertRolloutFlags(flags);
  const { readResources } = await import("../write/resource_body.ts");
  const { body } = await readResources(positionals, call);
  const query = { ...changeQuery(flags), prune: flags.prune };
  return await write(call, { method: "POST", path: ["v1", "apply"], query, body });
}

const deleteFlags = {
  nodes: string({
    value: "SELECTOR",
    doc: "The form for these nodes, e.g. `cluster=web`. Default: that for every node.",
  }),
  ...changeFlags,
};

/** `denvoy delete`. */
export const deleteCommand: Command = defineCommand({
  name: "delete",
  summary: "Deletes a resource that was written through the API",
  about: ["What a file says of the same type and name is served again."],
  positionals: [
    { name: "TYPE", complete: typeWords, doc: "Its type: clusters, listeners …" },
    { name: "NAME", doc: "Its name." },
  ],
  flags: deleteFlags,
  env: connectionEnv,
  examples: [{ line: "denvoy delete clusters old --dry-run", does: "What it would do." }],
  run(call: Call<typeof deleteFlags>) {
    const { positionals: [type = "", name = ""], flags } = call;
    assertRolloutFlags(flags);
    const query = { ...changeQuery(flags), nodes: flags.nodes };
    const path = ["v1", "resources", typeWord(type), name];
    return write(call, { method: "DELETE", path, query });
  },
});

interface Write {
  readonly method: "POST" | "DELETE";
  readonly path: readonly string[];
  readonly query: Query;
  readonly body?: { readonly text: string; readonly type: string };
}

async function write(
  call: CallContext & { readonly flags: ChangeFlags },
  { path, ...request }: Write,
): Promise<number> {
  return await withServer(call.flags, async (client) => {
    const answer = await client.json<WriteAnswer>(path, { ...request, key: "result" });
    showOutcome(answer, call);
    if (!call.flags.wait || answer.rollout === undefined) return Exit.ok;
    return await waitForRollout(client, answer.rollout.id, call);
  });
}

function assertRolloutFlags(flags: ChangeFlags): void {
  const { rollout, minAcks, soakMs, rolloutTimeoutMs, onTimeout, wait } = flags;
  const given = Object.entries({
    "--min-acks": minAcks,
    "--soak": soakMs,
    "--rollout-timeout": rolloutTimeoutMs,
    "--on-timeout": onTimeout,
    "--wait": wait || undefined,
  }).filter(([, value]) => value !== undefined);
  const [first] = given;
  if (rollout !== undefined || first === undefined) return;
  throw new CommandError(`${first[0]} needs --rollout: it says which nodes come first`, {
    exit: Exit.usage,
  });
}

// SPDX-License-Identifier: Apache-2.0
/**
 * `denvoy diff`: between two revisions, or between files and what is served.
 * @module
 */
import { bool, path } from "@denvoy/runtime";
import type { AdsClient } from "../api/ads_client.ts";
import type { ChangeAnswer, WriteAnswer } from "../api/answers.ts";
import { connectionEnv, connectionFlags, withServer } from "../api/connection.ts";
import { revisionNumber } from "../api/revision_number.ts";
import { type Call, type Command, defineCommand } from "../command_line/command.ts";
import { CommandError, Exit } from "../command_line/exit_code.ts";
import { changeView } from "../views/revisions_view.ts";

const flags = {
  path: path({ doc: "Compares what is served with what this file or folder says." }),
  exitCode: bool({ doc: "Exits with 1 when there is a difference." }),
  json: bool({ doc: "Prints the differences, for programs." }),
  ...connectionFlags,
};

/** `denvoy diff`. */
export const diffCommand: Command = defineCommand({
  name: "diff",
  summary: "Shows what differs between two revisions, or between files and what is served",
  about: [
    "Differences are unified diffs of canonical YAML; secrets in them are [redacted]. " +
    "Revision 0 is before the first.",
  ],
  positionals: [
    { name: "FROM", count: "optional", doc: "The one revision. Default: the one before `TO`." },
    { name: "TO", count: "optional", doc: "The other. Default: the newest." },
  ],
  flags,
  env: connectionEnv,
  examples: [
    { line: "denvoy diff", does: "What the last revision changed." },
    { line: "denvoy diff 9 12", does: "What has changed after revision 9 up to 12." },
    {
      line: "denvoy diff --path resources/ --exit-code",
      does: "Whether a folder is what is served, e.g. in a scheduled job.",
    },
  ],
  run: runDiff,
});

async function runDiff(call: Call<typeof flags>): Promise<number> {
  const { positionals: [from, to], flags, terminal } = call;
  if (flags.path !== undefined && from !== undefined) {
    throw new CommandError("--path and revisions cannot be given together", { exit: Exit.usage });
  }
  const changes = await withServer(
    flags,
    (client) =>
      flags.path === undefined
        ? revisionChanges(client, { from: numberOf(from), to: numberOf(to) })
        : fileChanges(client, flags.path, call),
  );
  const lines = changes.flatMap((change) => changeView(change, terminal.styles));
  if (flags.json) terminal.out(`${JSON.stringify({ changes }, undefined, 2)}\n`);
  else terminal.out(`${(lines.length === 0 ? ["no differences"] : lines).join("\n")}\n`);
  return changes.length > 0 && flags.exitCode ? Exit.failed : Exit.ok;
}

async function revisionChanges(
  client: AdsClient,
  query: { readonly from: string | undefined; readonly to: string | undefined },
): Promise<readonly ChangeAnswer[]> {
  type Answer = { readonly changes: readonly ChangeAnswer[] };
  const answer = await client.json<Answer>(["v1", "diff"], { query, key: "changes" });
  return answer.changes;
}

/** What applying the files would change, and what is served that they do not have. */
async function fileChanges(
  client: AdsClient,
  ...[path, call]: [string, Pick<Call<typeof flags>, "terminal">]
): Promise<readonly ChangeAnswer[]> {
  const { readResources } = await import("../write/resource_body.ts");
  const { servedOnly } = await import("../write/served_only.ts");
  const { drafts, body } = await readResources([path], call);
  const answer = await client.json<WriteAnswer>(["v1", "apply"], {
    method: "POST",
    query: { dryRun: true, dangling: "warn" },
    body,
    key: "changes",
  });
  return [...answer.changes, ...await servedOnly(client, drafts)];
}

function numberOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : revisionNumber(text);
}

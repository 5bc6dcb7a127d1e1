// SPDX-License-Identifier: Apache-2.0
/**
 * The flags of every change, and how its outcome is shown.
 * @module
 */
import { formatProblem } from "@denvoy/base";
import { bool, duration, formatDuration, oneOf, string, type ValuesOf } from "@denvoy/runtime";
import type { AdsClient, Query } from "../api/ads_client.ts";
import type { RolloutAnswer, WriteAnswer } from "../api/answers.ts";
import { connectionFlags, pause } from "../api/connection.ts";
import type { CallContext } from "../command_line/command.ts";
import { Exit } from "../command_line/exit_code.ts";
import { changeView } from "../views/revisions_view.ts";

/** Flags of what makes a revision. */
export const outcomeFlags = {
  dryRun: bool({ doc: "Changes nothing; shows what would change, and for which nodes." }),
  json: bool({ doc: "Prints the server's answer, for programs." }),
  ...connectionFlags,
};

/** Flags of what writes resources. */
export const changeFlags = {
  dangling: oneOf(["strict", "refuse", "warn"], {
    doc: "What references to something that nobody has do: `strict` refuses each, `refuse` lets " +
      "a cluster come before its endpoints, `warn` lets all pass. Default: the server's setting.",
  }),
  summary: string({ doc: "One line for the history." }),
  rollout: string({
    value: "SELECTOR",
    doc: "Gives it to these nodes first, e.g. `id=edge-1` or `cluster=web,metadata.stage=test`; " +
      "it goes on or back by itself on their ACKs and NACKs.",
  }),
  minAcks: string({
    value: "N|all",
    doc: "Of a rollout: nodes that must accept before the others get it. Default all.",
  }),
  soakMs: duration({ doc: "Of a rollout: how long only those nodes have it. Default 5s." }),
  rolloutTimeoutMs: duration({ doc: "Of a rollout: when it is decided in any case. Default 5m." }),
  onTimeout: oneOf(["revert", "promote"], { doc: "Of a rollout: how, then. Default revert." }),
  wait: bool({ doc: "Of a rollout: waits until it is decided; exits with 1 if it went back." }),
  ...outcomeFlags,
};

/** Values of {@linkcode changeFlags}. */
export type ChangeFlags = ValuesOf<typeof changeFlags>;

/** Returns the query parameters that the flags ask for. */
export function changeQuery(flags: ChangeFlags): Query {
  const { dryRun, dangling, summary, rollout, minAcks, soakMs, onTimeout } = flags;
  const { rolloutTimeoutMs } = flags;
  return {
    dryRun,
    dangling,
    summary,
    rollout,
    minAcks,
    onTimeout,
    soak: soakMs === undefined ? undefined : formatDuration(soakMs),
    timeout: rolloutTimeoutMs === undefined ? undefined : formatDuration(rolloutTimeoutMs),
  };
}

/** Shows what a write did, for people or programs. */
export function showOutcome(
  answer: WriteAnswer,
  { flags, terminal }: Pick<CallContext, "terminal"> & {
    readonly flags: { readonly json: boolean };
  },
): void {
  if (flags.json) return terminal.out(`${JSON.stringify(answer, undefined, 2)}\n`);
  const { styles } = terminal;
  for (const warning of answer.warnings) {
    terminal.error(`${styles.yellow("warning:")} ${formatProblem(warning)}\n`);
  }
  const lines = answer.changes.flatMap((change) => changeView(change, styles));
  terminal.out([...lines, verdict(answer)].join("\n") + "\n");
}

function verdict({ result, revision, rollout, changes, nodes }: WriteAnswer): string {
  switch (result) {
    case "unchanged":
      return "nothing to change";
    case "applied":
      return `applied as revision ${revision?.id}`;
    case "started":
      return `started ${rollout?.id}; follow it with: denvoy inspect rollouts ${rollout?.id} -w`;
    case "planned": {
      if (changes.length === 0) return "nothing would change";
      const { count = 0, ids = [] } = nodes ?? {};
      const noun = count === 1 ? "node" : "nodes";
      const names = ids.slice(0, 5).join(", ") + (count > 5 ? ", …" : "");
      return `nothing was changed; it would concern ${count} connected ${noun}` +
        (count === 0 ? "" : `: ${names}`);
    }
  }
}

/** Waits until a rollout is decided; returns the exit code. */
export async function waitForRollout(
  client: AdsClient,
  ...[id, context]: [string, Pick<CallContext, "terminal">]
): Promise<number> {
  const { terminal } = context;
  while (!terminal.signal.aborted) {
    const key = "status" as const;
    const rollout = await client.json<RolloutAnswer>(["v1", "rollouts", id], { key });
    if (rollout.status !== "canary") {
      terminal.error(`${id} ${rollout.status}: ${rollout.why}\n`);
      return rollout.status === "promoted" ? Exit.ok : Exit.failed;
    }
    await pause(POLL_MS, context);
  }
  return Exit.interrupted;
}

const POLL_MS = 500;

// SPDX-License-Identifier: Apache-2.0
/**
 * Shows an answer of the server: as a table for people or as JSON for programs, once or again and
 * again.
 * @module
 */
import { bool, duration } from "@denvoy/runtime";
import type { AdsClient } from "../api/ads_client.ts";
import { connectionEnv, connectionFlags, pause, withServer } from "../api/connection.ts";
import type { Call } from "../command_line/command.ts";
import { CommandError, Exit } from "../command_line/exit_code.ts";
import type { ViewOptions } from "../views/nodes_view.ts";

/** Flags of everything that is shown. */
export const showFlags = {
  json: bool({ doc: "Prints the server's answer, for programs; with `--watch` one line each." }),
  watch: bool({ doc: "Shows it again and again until Ctrl-C." }),
  intervalMs: duration({ default: "2s", minMs: 100, doc: "Pause between two looks." }),
  ...connectionFlags,
};

/** Short forms of {@linkcode showFlags}. */
export const showShort = { watch: "w" } as const;

/** Variables of {@linkcode showFlags}. */
export const showEnv = connectionEnv;

/** What is shown. */
export interface Shown<T> {
  /** Asks the server. */
  read(client: AdsClient): Promise<T>;
  /** Returns it for people, as lines. */
  view(answer: T, options: ViewOptions): readonly string[];
  /** Which service is asked. @default "ads" */
  readonly service?: string;
}

/** Shows it; returns the exit code. */
export async function show<T>(
  call: Pick<Call<typeof showFlags>, "flags" | "terminal">,
  shown: Shown<T>,
): Promise<number> {
  const { flags, terminal } = call;
  return await withServer(flags, async (client) => {
    print(call, shown, await shown.read(client));
    while (flags.watch && !terminal.signal.aborted) {
      await pause(flags.intervalMs, call);
      if (terminal.signal.aborted) break;
      try {
        print(call, shown, await shown.read(client));
      } catch (error) {
        // A server that restarts comes back.
        if (!(error instanceof CommandError) || error.exit !== Exit.unreachable) throw error;
        terminal.error(`error: ${error.message}\n`);
      }
    }
    return Exit.ok;
  }, shown.service === undefined ? {} : { service: shown.service });
}

const CLEAR = "\x1b[H\x1b[2J\x1b[3J";

function print<T>(
  { flags, terminal }: Pick<Call<typeof showFlags>, "flags" | "terminal">,
  ...[shown, answer]: [Shown<T>, T]
): void {
  if (flags.json) {
    return terminal.out(`${JSON.stringify(answer, undefined, flags.watch ? undefined : 2)}\n`);
  }
  const { styles, interactive } = terminal;
  const lines = shown.view(answer, { styles, nowMs: Date.now() });
  const before = flags.watch && interactive ? CLEAR : "";
  const after = flags.watch && !interactive ? "\n" : "";
  terminal.out(`${before}${lines.join("\n")}\n${after}`);
}

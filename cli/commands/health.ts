// SPDX-License-Identifier: Apache-2.0
/**
 * `denvoy health`: what hds makes of each endpoint, once or as it changes.
 * @module
 */
import { oneOf, string, url } from "@denvoy/runtime";
import type { AdsClient } from "../api/ads_client.ts";
import type { EndpointHealthAnswer } from "../api/health_answers.ts";
import { pause, withServer } from "../api/connection.ts";
import { type Call, defineCommand } from "../command_line/command.ts";
import { CommandError, Exit } from "../command_line/exit_code.ts";
import { show, showEnv, showFlags, showShort } from "../inspect/show.ts";
import { healthEventLine, healthView } from "../views/health_view.ts";

const healthFlags = {
  cluster: string({ value: "NAME", doc: "Only of this cluster." }),
  health: oneOf(["UNKNOWN", "HEALTHY", "UNHEALTHY", "DRAINING", "TIMEOUT", "DEGRADED"], {
    doc: "Only of this health.",
  }),
  ...showFlags,
  server: url({
    schemes: ["http", "https"],
    default: "http://127.0.0.1:18021",
    doc: "The HTTP API of hds.",
  }),
};

/** Variables: hds is elsewhere than ads. */
const env = { ...showEnv, server: "DENVOY_HDS_SERVER" } as const;

/** `denvoy health`. */
export const healthCommand = defineCommand({
  flags: healthFlags,
  short: showShort,
  env,
  name: "health",
  summary: "The endpoints that Envoys check for hds, and what becomes of them",
  about: [
    "WHY says what a verdict rests on: `found` by probers, an `order` of people, `kept-share` and " +
    "`flapping` where it is not what was found, `restored` from before a restart, `not-probed`.",
  ],
  positionals: [],
  examples: [
    { line: "denvoy health", does: "All endpoints, those out of load balancing first." },
    { line: "denvoy health --watch --cluster web", does: "One cluster, a line for each change." },
    { line: "denvoy health --health UNHEALTHY --json", does: "What is out, for programs." },
  ],
  run: (call) => call.flags.watch ? watch(call) : show(call, shown(call)),
});

function shown({ flags: { cluster, health } }: Call<typeof healthFlags>) {
  const query = { cluster, health };
  return {
    service: "hds",
    read: (client: AdsClient) =>
      client.json<{ endpoints: readonly EndpointHealthAnswer[] }>(["v1", "health"], {
        query,
        key: "endpoints",
      }),
    view: (
      { endpoints }: { endpoints: readonly EndpointHealthAnswer[] },
      options: Parameters<typeof healthView>[1],
    ) => healthView(endpoints, options),
  };
}

/** Shows all once, then a line for each change; a server that restarts comes back. */
async function watch(call: Call<typeof healthFlags>): Promise<number> {
  const { flags, terminal } = call;
  if (!flags.json) await show({ terminal, flags: { ...flags, watch: false } }, shown(call));
  return await withServer(flags, async (client) => {
    while (!terminal.signal.aborted) {
      try {
        await follow(call, client);
      } catch (error) {
        if (!(error instanceof CommandError) || error.exit !== Exit.unreachable) throw error;
        terminal.error(`error: ${error.message}\n`);
      }
      await pause(flags.intervalMs, call);
    }
    return Exit.ok;
  }, { service: "hds" });
}

async function follow(
  { flags: { cluster, json }, terminal }: Call<typeof healthFlags>,
  client: AdsClient,
): Promise<void> {
  const query = { cluster, all: json };
  const { signal, styles } = terminal;
  for await (const line of client.lines(["v1", "watch"], { query, signal })) {
    if (line === "") continue;
    const text = json ? line : healthEventLine(line, styles);
    if (text !== undefined) terminal.out(`${text}\n`);
  }
}

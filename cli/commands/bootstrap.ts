// SPDX-License-Identifier: Apache-2.0
/**
 * `denvoy bootstrap`: writes the bootstrap of an Envoy.
 * @module
 */
import { formatProblem, ProblemError } from "@denvoy/base";
import { AdsClient } from "../api/ads_client.ts";
import { createBootstrap } from "../bootstrap/create_bootstrap.ts";
import { type BootstrapFlags, bootstrapFlags, optionsFromFlags } from "../bootstrap/flags.ts";
import { sdsFiles } from "../bootstrap/transport_socket.ts";
import type { WrittenMessage } from "../bootstrap/render.ts";
import { type Call, type Command, defineCommand } from "../command_line/command.ts";
import { CommandError, Exit } from "../command_line/exit_code.ts";
import { writeFile } from "../output/write_file.ts";

/** `denvoy bootstrap`. */
export const bootstrapCommand: Command = defineCommand({
  name: "bootstrap",
  summary: "Writes the bootstrap of an Envoy: who it is and where Denvoy is",
  about: [
    "Everything else the Envoy gets from Denvoy: listeners, clusters and what they refer to.",
  ],
  flags: bootstrapFlags,
  short: { output: "o" },
  examples: [
    {
      line: "denvoy bootstrap --node-id web-1 --node-cluster web -o envoy.yaml",
      does: "For an Envoy on this machine; start it with: envoy -c envoy.yaml",
    },
    {
      line: "denvoy bootstrap --node-id web-1 --ads ads.example:18000 --tls-ca ca.pem " +
        "--tls-cert web-1.pem --tls-key web-1.key --sds-dir /etc/envoy/sds -o envoy.yaml",
      does: "With mutual TLS whose keys can be replaced while Envoy runs.",
    },
    {
      line: 'denvoy bootstrap --node-id web-1 --join "$(denvoy secrets join web)" -o envoy.yaml',
      does: "With a token by which sds knows it as the service web.",
    },
    {
      line: "denvoy bootstrap --node-id web-1 --metadata stage=canary --zone eu-1a",
      does: "With what node selectors look at.",
    },
  ],
  run: runBootstrap,
});

async function runBootstrap({ flags, terminal }: Call<typeof bootstrapFlags>): Promise<number> {
  // What is wrong with the flags is told before the join token is used up.
  optionsFromFlags(flags);
  const token = await exchange(flags);
  const options = optionsFromFlags(flags, token);
  const bootstrap = createBootstrap(options);
  const text = await render(bootstrap, {
    type: "envoy.config.bootstrap.v3.Bootstrap",
    format: flags.format,
  });
  for (const { path, content } of options.tls === undefined ? [] : sdsFiles(options.tls)) {
    const type = "envoy.service.discovery.v3.DiscoveryResponse";
    await writeFile(path, await render(content, { type, format: "yaml" }));
    terminal.error(`wrote ${path}\n`);
  }
  if (flags.output === undefined) terminal.out(text);
  else {
    await writeFile(flags.output, text, token === undefined ? {} : { mode: 0o600 });
    terminal.error(`wrote ${flags.output}\n`);
  }
  return Exit.ok;
}

/** Returns what the join token is exchanged for; undefined without one. */
async function exchange({ join, sdsApi, sdsCa }: BootstrapFlags): Promise<string | undefined> {
  if (join === undefined) return undefined;
  const ca = sdsCa === undefined ? {} : { ca: await Deno.readTextFile(sdsCa) };
  using client = new AdsClient({ server: sdsApi, timeoutMs: 30_000, service: "sds", ...ca });
  const body = { text: JSON.stringify({ token: join }), type: "application/json" };
  const request = { method: "POST", body, key: "token" } as const;
  const { token } = await client.json<{ token: string }>(["v1", "join"], request);
  return token;
}

async function render(
  content: unknown,
  options: { readonly type: WrittenMessage; readonly format: BootstrapFlags["format"] },
): Promise<string> {
  const { renderMessage } = await import("../bootstrap/render.ts");
  try {
    return renderMessage(content, options);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    throw new CommandError(error.problems.map(formatProblem).join("\n"), { exit: Exit.usage });
  }
}

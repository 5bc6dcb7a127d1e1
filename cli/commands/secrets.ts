// SPDX-License-Identifier: Apache-2.0
/**
 * `denvoy secrets`: what sds serves and who holds it; new keys, certificates and join tokens.
 * @module
 */
import { duration, path, string, stringList } from "@denvoy/runtime";
import { sdsConnectionEnv, sdsConnectionFlags, withServer } from "../api/connection.ts";
import type { JsonObject } from "../api/ads_client.ts";
import { type Call, type CommandGroup, defineCommand } from "../command_line/command.ts";
import { CommandError, Exit } from "../command_line/exit_code.ts";
import { show, showFlags, showShort } from "../inspect/show.ts";
import { writeFile } from "../output/write_file.ts";
import { type SecretAnswer, secretsView, secretView } from "../views/secrets_view.ts";

const service = "sds";
const JSON_TYPE = "application/json";
const shown = {
  flags: { ...showFlags, ...sdsConnectionFlags },
  short: showShort,
  env: sdsConnectionEnv,
};
const NAME = { name: "NAME", doc: "Name of a secret, or the SPIFFE ID of a workload." };

const list = defineCommand({
  ...shown,
  name: "list",
  summary: "All secrets and certificates of workloads, until when and by whom",
  examples: [{ line: "denvoy secrets list", does: "Everything, without key material." }],
  run: (call) =>
    show(call, {
      service,
      read: (client) =>
        client.json<{ secrets: readonly SecretAnswer[] }>(["v1", "secrets"], { key: "secrets" }),
      view: ({ secrets }, options) => secretsView(secrets, options),
    }),
});

const inspect = defineCommand({
  ...shown,
  name: "inspect",
  summary: "One secret: what it says, and the nodes that hold it",
  positionals: [NAME],
  examples: [{ line: "denvoy secrets inspect web", does: "A certificate and who holds it." }],
  run: (call) =>
    show(call, {
      service,
      read: (client) =>
        client.json<SecretAnswer>(["v1", "secrets", call.positionals[0] ?? ""], { key: "kind" }),
      view: secretView,
    }),
});

const rotate = defineCommand({
  name: "rotate",
  summary: "Makes a new key and certificate, or new session ticket keys, now",
  about: ["For what sds makes itself; connections that are open go on with the old ones."],
  positionals: [NAME],
  flags: sdsConnectionFlags,
  env: sdsConnectionEnv,
  examples: [{ line: "denvoy secrets rotate web", does: "A new certificate for a workload." }],
  run: ({ positionals: [name = ""], flags, terminal }) =>
    withServer(flags, async (client) => {
      await client.text(["v1", "rotate", name], { method: "POST" });
      terminal.out(`${name} was replaced; see: denvoy secrets inspect ${name}\n`);
      return Exit.ok;
    }, { service }),
});

const issueFlags = {
  csr: path({ value: "FILE", required: true, doc: "Certificate request (PEM, PKCS#10)." }),
  identity: string({
    value: "ID",
    doc: "SPIFFE ID, or the path of one in the trust domain of sds.",
  }),
  dnsName: stringList({ value: "NAME", doc: "DNS name of the certificate." }),
  ipAddress: stringList({ value: "IP", doc: "IP address of the certificate." }),
  lifetime: string({ value: "DURATION", doc: "Its life, e.g. `12h`. Default: that of workloads." }),
  output: path({ value: "FILE", doc: "Where the chain is written. Default: the standard output." }),
  ...sdsConnectionFlags,
};

const issue = defineCommand({
  name: "issue",
  summary: "Has a certificate issued for a key that stays where it is",
  about: ["The names come from the flags; those in the request are ignored."],
  flags: issueFlags,
  short: { output: "o" },
  env: sdsConnectionEnv,
  examples: [{
    line: "denvoy secrets issue --csr batch.csr --identity jobs/batch -o batch.pem",
    does: "A certificate for something that is no Envoy.",
  }],
  run: runIssue,
});

async function runIssue({ flags, terminal }: Call<typeof issueFlags>): Promise<number> {
  const { csr, identity, dnsName, ipAddress, lifetime, output } = flags;
  const asked = {
    csr: await readText(csr),
    dns_names: dnsName,
    ip_addresses: ipAddress,
    ...(identity !== undefined && { identity }),
    ...(lifetime !== undefined && { lifetime }),
  };
  return await withServer(flags, async (client) => {
    const body = { text: JSON.stringify(asked), type: JSON_TYPE };
    const request = { method: "POST", body, key: "chain" } as const;
    const { chain } = await client.json<{ chain: string }>(["v1", "certificates"], request);
    if (output === undefined) terminal.out(chain);
    else {
      await writeFile(output, chain);
      terminal.error(`wrote ${output}\n`);
    }
    return Exit.ok;
  }, { service });
}

const joinFlags = {
  ttlMs: duration({ default: "1h", minMs: 1000, doc: "How long the token waits for its use." }),
  ...sdsConnectionFlags,
};

const join = defineCommand({
  name: "join",
  summary: "Makes a token that brings a new Envoy in, once",
  about: ["It is printed once and for nobody else to see: denvoy bootstrap --join takes it."],
  positionals: [{ name: "IDENTITY", doc: "SPIFFE ID, or the path of one in the trust domain." }],
  flags: joinFlags,
  env: sdsConnectionEnv,
  examples: [{ line: "denvoy secrets join web", does: "A token for the Envoy of a service." }],
  run: ({ positionals: [identity = ""], flags, terminal }) =>
    withServer(flags, async (client) => {
      const asked = { identity, ttl: `${flags.ttlMs}ms` };
      const body = { text: JSON.stringify(asked), type: JSON_TYPE };
      const request = { method: "POST", body, key: "token" } as const;
      const { token } = await client.json<JsonObject & { token: string }>(
        ["v1", "tokens"],
        request,
      );
      terminal.out(`${token}\n`);
      return Exit.ok;
    }, { service }),
});

/** `denvoy secrets`. */
export const secretsCommands: CommandGroup = {
  kind: "group",
  name: "secrets",
  summary: "What sds serves and who holds it; new keys, certificates and join tokens",
  commands: [list, inspect, rotate, issue, join],
};

async function readText(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`cannot read ${file}: ${reason}`, { exit: Exit.usage });
  }
}

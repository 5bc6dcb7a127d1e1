// SPDX-License-Identifier: Apache-2.0
/**
 * The flags by which commands find ads' HTTP API and show who they are.
 * @module
 */
import { duration, path, secretFile, url, type ValuesOf } from "@denvoy/runtime";
import type { CallContext } from "../command_line/command.ts";
import { CommandError, Exit } from "../command_line/exit_code.ts";
import { AdsClient } from "./ads_client.ts";

/** Flags of every command that asks a server. */
export const connectionFlags = {
  server: url({
    schemes: ["http", "https"],
    default: "http://127.0.0.1:18001",
    doc: "The HTTP API of ads.",
  }),
  tokenFile: secretFile({ doc: "File whose first token says who you are." }),
  ca: path({ value: "FILE", doc: "Roots (PEM) that the server's certificate must chain to." }),
  cert: path({ value: "FILE", doc: "Your own certificate chain (PEM)." }),
  key: secretFile({ doc: "Private key (PEM) of `--cert`." }),
  requestTimeoutMs: duration({ default: "30s", minMs: 1, doc: "How long an answer may take." }),
};

/** Variables of {@linkcode connectionFlags}. */
export const connectionEnv = {
  server: "DENVOY_SERVER",
  tokenFile: "DENVOY_TOKEN_FILE",
  ca: "DENVOY_CA",
  cert: "DENVOY_CERT",
  key: "DENVOY_KEY",
} as const;

/** The same for commands that ask sds. */
export const sdsConnectionFlags = {
  ...connectionFlags,
  server: url({
    schemes: ["http", "https"],
    default: "http://127.0.0.1:18011",
    doc: "The HTTP API of sds.",
  }),
};

/** Variables of {@linkcode sdsConnectionFlags}. */
export const sdsConnectionEnv = { ...connectionEnv, server: "DENVOY_SDS_SERVER" } as const;

/** Values of {@linkcode connectionFlags}. */
export type ConnectionFlags = ValuesOf<typeof connectionFlags>;

/**
 * Calls `work` with a client, and closes it.
 * @throws {CommandError} when the keys cannot be used
 */
export async function withServer<T>(
  flags: ConnectionFlags,
  work: (client: AdsClient) => Promise<T>,
  options: { readonly service?: string } = {},
): Promise<T> {
  using client = new AdsClient({
    ...options,
    server: flags.server,
    timeoutMs: flags.requestTimeoutMs,
    ...await credentials(flags),
  });
  return await work(client);
}

async function credentials({ tokenFile, ca, cert, key }: ConnectionFlags) {
  if ((cert === undefined) !== (key === undefined)) {
    throw new CommandError("--cert and --key must be given together", { exit: Exit.usage });
  }
  return {
    ...(tokenFile !== undefined && { token: firstToken(await readText(tokenFile), tokenFile) }),
    ...(ca !== undefined && { ca: await readText(ca) }),
    ...(cert !== undefined && key !== undefined &&
      { client: { cert: await readText(cert), key: await readText(key) } }),
  };
}

function firstToken(text: string, file: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  const token = lines.find((line) => line !== "" && !line.startsWith("#"));
  if (token !== undefined) return token;
  throw new CommandError(`cannot use ${file} as it holds no token`, { exit: Exit.usage });
}

async function readText(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`cannot read ${file}: ${reason}`, { exit: Exit.usage });
  }
}

/** What commands that watch need: a pause that ends with the command. */
export async function pause(
  ms: number,
  { terminal }: Pick<CallContext, "terminal">,
): Promise<void> {
  if (terminal.signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  const timer = setTimeout(end, ms);
  terminal.signal.addEventListener("abort", end, { once: true });
  await promise;
  clearTimeout(timer);
  terminal.signal.removeEventListener("abort", end);
}

// SPDX-License-Identifier: Apache-2.0
/**
 * `denvoy limits`: what rls limits, who is near, what matches what, and the counters themselves.
 * @module
 */
import { string, url } from "@denvoy/runtime";
import type { AdsClient } from "../api/ads_client.ts";
import type {
  CountersAnswer,
  ExplainAnswer,
  LimitAnswer,
  UnmatchedAnswer,
} from "../api/limit_answers.ts";
import { type CommandGroup, defineCommand } from "../command_line/command.ts";
import { CommandError, Exit } from "../command_line/exit_code.ts";
import { show, showEnv, showFlags, showShort } from "../inspect/show.ts";
import {
  countersView,
  explainView,
  hotKeysView,
  limitsView,
  unmatchedView,
} from "../views/limits_view.ts";

const service = "rls";
const server = url({
  schemes: ["http", "https"],
  default: "http://127.0.0.1:8080",
  doc: "The HTTP API of rls.",
});
const shown = {
  short: showShort,
  // rls is elsewhere than ads.
  env: { ...showEnv, server: "DENVOY_RLS_SERVER" },
} as const;
const plainFlags = { ...showFlags, server };
const domainFlags = { domain: string({ doc: "Only of this domain." }), ...plainFlags };
const descriptor = [
  { name: "DOMAIN", doc: "The domain that Envoy's filter names." },
  { name: "KEY=VALUE", doc: "The entries of the descriptor, in order.", count: "some" },
] as const;

interface Limits {
  readonly limits: readonly LimitAnswer[];
}

function readLimits(client: AdsClient, domain: string | undefined): Promise<Limits> {
  return client.json<Limits>(["v1", "limits"], { query: { domain }, key: "limits" });
}

const list = defineCommand({
  ...shown,
  flags: domainFlags,
  name: "list",
  summary: "All limits, those that refuse most first, with their hottest keys",
  about: ["HITS and OVER are since the start of that replica; USED is of the hottest key."],
  positionals: [],
  examples: [{ line: "denvoy limits list --watch", does: "All limits, live." }],
  run: (call) =>
    show(call, {
      service,
      read: (client) => readLimits(client, call.flags.domain),
      view: ({ limits }: Limits, options) => limitsView(limits, options),
    }),
});

const hot = defineCommand({
  ...shown,
  flags: domainFlags,
  name: "hot",
  summary: "The keys of each limit that are asked for most, and how near they are",
  positionals: [],
  examples: [{ line: "denvoy limits hot --domain shop", does: "The hottest keys of a domain." }],
  run: (call) =>
    show(call, {
      service,
      read: (client) => readLimits(client, call.flags.domain),
      view: ({ limits }: Limits, options) => hotKeysView(limits, options),
    }),
});

const unmatched = defineCommand({
  ...shown,
  flags: domainFlags,
  name: "unmatched",
  summary: "Descriptors that matched no limit, and why",
  positionals: [],
  examples: [{ line: "denvoy limits unmatched", does: "What nobody limits." }],
  run: (call) =>
    show(call, {
      service,
      read: (client) =>
        client.json<{ unmatched: readonly UnmatchedAnswer[] }>(["v1", "unmatched"], {
          query: { domain: call.flags.domain },
          key: "unmatched",
        }),
      view: ({ unmatched }) => unmatchedView(unmatched),
    }),
});

const counter = defineCommand({
  ...shown,
  flags: plainFlags,
  name: "counter",
  summary: "How the counters of one descriptor stand",
  positionals: descriptor,
  examples: [
    { line: "denvoy limits counter shop user=u1", does: "All limits of that user." },
  ],
  run: (call) =>
    show(call, {
      service,
      read: (client) => counters(client, { words: call.positionals, method: "GET" }),
      view: countersView,
    }),
});

const reset = defineCommand({
  ...shown,
  flags: plainFlags,
  name: "reset",
  summary: "Empties the counters of one descriptor, for all replicas on one Redis",
  positionals: descriptor,
  examples: [{ line: "denvoy limits reset shop user=u1", does: "Lets that user begin anew." }],
  run: (call) =>
    show({ ...call, flags: { ...call.flags, watch: false } }, {
      service,
      read: (client) => counters(client, { words: call.positionals, method: "DELETE" }),
      view: countersView,
    }),
});

const explain = defineCommand({
  ...shown,
  flags: plainFlags,
  name: "explain",
  summary: "Which rule one descriptor matches, and why not the others; counts nothing",
  positionals: descriptor,
  examples: [
    { line: "denvoy limits explain shop plan=gold api_key=k1", does: "Each step with its rules." },
  ],
  run: (call) =>
    show(call, {
      service,
      read(client) {
        const { domain, entries } = descriptorOf(call.positionals);
        const text = JSON.stringify({ domain, descriptors: [{ entries }] });
        const body = { text, type: "application/json" };
        return client.json<ExplainAnswer>(["v1", "explain"], {
          method: "POST",
          body,
          key: "descriptors",
        });
      },
      view: explainView,
    }),
});

/** `denvoy limits`. */
export const limitsCommands: CommandGroup = {
  kind: "group",
  name: "limits",
  summary: "What rls limits, who is near, what matches what, and the counters themselves",
  commands: [list, hot, unmatched, counter, reset, explain],
};

function counters(
  client: AdsClient,
  { words, method }: { readonly words: readonly string[]; readonly method: "GET" | "DELETE" },
): Promise<CountersAnswer> {
  const { domain, entries } = descriptorOf(words);
  const entry = entries.map(({ key, value }) => `${key}=${value}`);
  return client.json<CountersAnswer>(["v1", "counters"], {
    method,
    query: { domain, entry },
    key: "counters",
  });
}

function descriptorOf([domain = "", ...words]: readonly string[]) {
  const entries = words.map((word) => {
    const at = word.indexOf("=");
    if (at > 0) return { key: word.slice(0, at), value: word.slice(at + 1) };
    throw new CommandError(
      `KEY=VALUE must have a key and a "=": value is ${JSON.stringify(word)}`,
      {
        exit: Exit.usage,
      },
    );
  });
  return { domain, entries };
}

// SPDX-License-Identifier: Apache-2.0
/**
 * `denvoy inspect`: what ads serves, to whom, and what they made of it.
 * @module
 */
import { integer, oneOf, string } from "@denvoy/runtime";
import type {
  ChangeAnswer,
  NodeAnswer,
  NodeResourceAnswer,
  RejectionAnswer,
  RevisionAnswer,
  RolloutAnswer,
} from "../api/answers.ts";
import { readAllResources } from "../api/resource_pages.ts";
import { revisionNumber } from "../api/revision_number.ts";
import { typeWord, typeWords } from "../api/type_words.ts";
import { withServer } from "../api/connection.ts";
import { type Call, type CommandGroup, defineCommand } from "../command_line/command.ts";
import { Exit } from "../command_line/exit_code.ts";
import { show, showEnv, showFlags, showShort } from "../inspect/show.ts";
import { nodesView } from "../views/nodes_view.ts";
import { nodeView } from "../views/node_view.ts";
import { rejectionsView } from "../views/rejections_view.ts";
import { resourcesView } from "../views/resources_view.ts";
import { revisionsView, revisionView } from "../views/revisions_view.ts";
import { rolloutsView, rolloutView } from "../views/rollouts_view.ts";

const common = { flags: showFlags, short: showShort, env: showEnv };

const nodes = defineCommand({
  ...common,
  name: "nodes",
  summary: "The connected Envoys and how each stands; one in full",
  about: [
    "SYNCED: the node has accepted what is served. NOT SENT, STALE: it does not have it yet. " +
    "ERROR: it has rejected it; with the name of a node, in Envoy's words. MISSING: the node asks " +
    "for a name that nobody has.",
  ],
  positionals: [{
    name: "NODE",
    count: "optional",
    doc: "Id of a node, for each of its resources.",
  }],
  examples: [
    { line: "denvoy inspect nodes", does: "All nodes, those with errors first." },
    { line: "denvoy inspect nodes web-1 --watch", does: "One node, as it changes." },
    {
      line: "denvoy inspect nodes --json | jq '.nodes[] | select(.status != \"synced\").id'",
      does: "The ids of those that do not have everything.",
    },
  ],
  run(call) {
    const [id] = call.positionals;
    if (id === undefined) {
      return show(call, {
        read: (client) =>
          client.json<{ nodes: readonly NodeAnswer[] }>(["v1", "nodes"], { key: "nodes" }),
        view: (answer, options) => nodesView(answer.nodes, options),
      });
    }
    return show(call, {
      read: (client) =>
        client.json<NodeAnswer<readonly NodeResourceAnswer[]>>(["v1", "nodes", id], {
          key: "streams",
        }),
      view: nodeView,
    });
  },
});

const resourceFlags = {
  nodes: string({
    value: "SELECTOR",
    doc: "Of one resource: the form for these nodes, e.g. `cluster=web`.",
  }),
  name: string({ value: "GLOB", doc: "Of a list: only names that match; `*` is anything." }),
  owner: oneOf(["files", "api", "pin", "rollout"], {
    doc: "Of a list: only what this layer decides.",
  }),
  ...showFlags,
};

const resources = defineCommand({
  ...common,
  flags: resourceFlags,
  name: "resources",
  summary: "What is served and where it comes from; one as YAML",
  about: ["Secrets are shown as [redacted]."],
  positionals: [
    { name: "TYPE", count: "optional", complete: typeWords, doc: "A type: clusters, listeners …" },
    { name: "NAME", count: "optional", doc: "Name of one resource." },
  ],
  examples: [
    { line: "denvoy inspect resources", does: "Everything." },
    { line: "denvoy inspect resources clusters --owner api", does: "Clusters written by the API." },
    { line: "denvoy inspect resources cluster web", does: "One as YAML, as files have it." },
  ],
  run: runResources,
});

async function runResources(call: Call<typeof resourceFlags>): Promise<number> {
  const { positionals: [type, name], flags, terminal } = call;
  if (type === undefined || name === undefined) {
    const { owner, name } = flags;
    return await show(call, {
      read: (client) => readAllResources(client, { type: type && typeWord(type), owner, name }),
      view: ({ resources }, options) => resourcesView(resources, options),
    });
  }
  const accept = flags.json ? "application/json" : "application/yaml";
  const path = ["v1", "resources", typeWord(type), name];
  const text = await withServer(
    flags,
    (client) => client.text(path, { accept, query: { nodes: flags.nodes } }),
  );
  terminal.out(flags.json ? `${JSON.stringify(JSON.parse(text), undefined, 2)}\n` : text);
  return Exit.ok;
}

const revisionFlags = {
  limit: integer({ min: 1, max: 1000, default: "20", doc: "At most so many." }),
  ...showFlags,
};

const revisions = defineCommand({
  ...common,
  flags: revisionFlags,
  name: "revisions",
  summary: "Who changed what when; one revision with its differences",
  positionals: [{ name: "REVISION", count: "optional", doc: "Number of a revision." }],
  examples: [
    { line: "denvoy inspect revisions", does: "The last 20." },
    { line: "denvoy inspect revisions 12", does: "What the twelfth changed." },
  ],
  run(call) {
    const { positionals: [id], flags: { limit } } = call;
    if (id === undefined) {
      return show(call, {
        read: (client) =>
          client.json<{ revisions: readonly RevisionAnswer[] }>(["v1", "revisions"], {
            query: { limit },
            key: "revisions",
          }),
        view: (answer, options) => revisionsView(answer.revisions, options),
      });
    }
    return show(call, {
      read: (client) =>
        client.json<RevisionAnswer<readonly ChangeAnswer[]>>(
          ["v1", "revisions", revisionNumber(id)],
          { query: { diff: true }, key: "changes" },
        ),
      view: revisionView,
    });
  },
});

const rollouts = defineCommand({
  ...common,
  name: "rollouts",
  summary: "Changes that go to some nodes first; one with how far each node is",
  positionals: [{ name: "ROLLOUT", count: "optional", doc: "Id of a rollout." }],
  examples: [{ line: "denvoy inspect rollouts rollout-3 --watch", does: "Follows one." }],
  run(call) {
    const [id] = call.positionals;
    if (id === undefined) {
      return show(call, {
        read: (client) =>
          client.json<{ rollouts: readonly RolloutAnswer[] }>(["v1", "rollouts"], {
            key: "rollouts",
          }),
        view: (answer, options) => rolloutsView(answer.rollouts, options),
      });
    }
    return show(call, {
      read: (client) => client.json<RolloutAnswer>(["v1", "rollouts", id], { key: "status" }),
      view: rolloutView,
    });
  },
});

const rejections = defineCommand({
  ...common,
  name: "rejections",
  summary: "What Envoys rejected, in their words",
  examples: [{ line: "denvoy inspect rejections", does: "All that is remembered." }],
  run: (call) =>
    show(call, {
      read: (client) =>
        client.json<{ rejections: readonly RejectionAnswer[] }>(["v1", "rejections"], {
          key: "rejections",
        }),
      view: (answer, options) => rejectionsView(answer.rejections, options),
    }),
});

/** `denvoy inspect`. */
export const inspectCommands: CommandGroup = {
  kind: "group",
  name: "inspect",
  summary: "Shows what ads serves, to whom, and what they made of it",
  commands: [nodes, resources, revisions, rollouts, rejections],
};

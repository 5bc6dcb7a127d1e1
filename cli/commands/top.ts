// SPDX-License-Identifier: Apache-2.0
/**
 * `denvoy top` and `denvoy edges`: how services are doing, from the access logs that metrics takes.
 * @module
 */
import { bool, oneOf, url } from "@denvoy/runtime";
import type { AdsClient } from "../api/ads_client.ts";
import type { EdgeAnswer, RouteAnswer, ServiceAnswer } from "../api/signal_answers.ts";
import { type Call, defineCommand } from "../command_line/command.ts";
import { show, showEnv, showFlags, showShort } from "../inspect/show.ts";
import type { ViewOptions } from "../views/nodes_view.ts";
import { edgesView, routesView, servicesView } from "../views/signals_view.ts";

const server = url({
  schemes: ["http", "https"],
  default: "http://127.0.0.1:18031",
  doc: "The HTTP API of metrics.",
});

/** Variables: metrics is elsewhere than ads. */
const env = { ...showEnv, server: "DENVOY_METRICS_SERVER" } as const;

const topFlags = {
  by: oneOf(["service", "route"], { default: "service", doc: "What a line is of." }),
  once: bool({ doc: "Shows it once, also in a terminal." }),
  ...showFlags,
  server,
};

const edgeFlags = { ...showFlags, server };

/** `denvoy top`. */
export const topCommand = defineCommand({
  flags: topFlags,
  short: showShort,
  env,
  name: "top",
  summary: "Requests, success and latency of each service in the last minute, the busiest first",
  about: [
    "From the access logs that Envoys send to metrics. In a terminal it goes on until Ctrl-C. A " +
    "request has succeeded with a status below 500.",
  ],
  positionals: [],
  examples: [
    { line: "denvoy top", does: "All services, live." },
    { line: "denvoy top --by route --once", does: "All routes, once." },
    { line: "denvoy top --json | jq '.services[0]'", does: "The busiest service, for programs." },
  ],
  run(call) {
    const { flags, terminal } = call;
    const watch = flags.watch || (terminal.interactive && !flags.once && !flags.json);
    const live = { terminal, flags: { ...flags, watch } };
    return flags.by === "route" ? show(live, routes) : show(live, services);
  },
});

/** `denvoy edges`. */
export const edgesCommand = defineCommand({
  flags: edgeFlags,
  short: showShort,
  env,
  name: "edges",
  summary: "Who calls whom, and how it goes: the last minute of each edge between services",
  about: [
    "FROM is the `node.cluster` of the Envoys that sent requests, TO the cluster they chose.",
  ],
  positionals: [],
  examples: [
    { line: "denvoy edges", does: "All edges, the busiest first." },
    { line: "denvoy edges --watch", does: "The same, live." },
  ],
  run: (call: Call<typeof edgeFlags>) => show(call, edges),
});

const services = {
  service: "metrics",
  read: (client: AdsClient) =>
    client.json<{ services: readonly ServiceAnswer[] }>(["v1", "services"], { key: "services" }),
  view: (answer: { services: readonly ServiceAnswer[] }, options: ViewOptions) =>
    servicesView(answer.services, options),
};

const routes = {
  service: "metrics",
  read: (client: AdsClient) =>
    client.json<{ routes: readonly RouteAnswer[] }>(["v1", "routes"], { key: "routes" }),
  view: (answer: { routes: readonly RouteAnswer[] }, options: ViewOptions) =>
    routesView(answer.routes, options),
};

const edges = {
  service: "metrics",
  read: (client: AdsClient) =>
    client.json<{ edges: readonly EdgeAnswer[] }>(["v1", "edges"], { key: "edges" }),
  view: (answer: { edges: readonly EdgeAnswer[] }, options: ViewOptions) =>
    edgesView(answer.edges, options),
};

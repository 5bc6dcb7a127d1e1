// SPDX-License-Identifier: Apache-2.0
/**
 * The settings of ads: one schema from which flags, environment, `denvoy.yaml`, `--help` and the
 * reference page are made.
 * @module
 */
import {
  bool,
  type ConfigOf,
  defineConfig,
  duration,
  integer,
  oneOf,
  path,
  type Schema,
  string,
} from "@denvoy/runtime";
import { redisConnectionFields } from "@denvoy/redis";
import { consistencyPolicies } from "./domain/consistency.ts";
import { sdsFields } from "./sds_settings.ts";

const sourceFields = {
  resources: path({
    doc: "File or folder of resources (YAML or JSON) in the shape that Envoy's own " +
      "`path_config_source` reads; watched while running.",
  }),
  allowInvalid: bool({
    doc:
      "Starts even if `--resources` has errors, with what the files said before the last stop, " +
      "until they are mended.",
  }),
  danglingFiles: oneOf(consistencyPolicies, {
    default: "warn",
    doc: "What happens to files that refer to something that nobody has: `strict` refuses it, " +
      "`refuse` lets a cluster be there before its endpoints, `warn` lets all pass.",
  }),
  danglingWrites: oneOf(consistencyPolicies, {
    default: "refuse",
    doc: "What happens to a write to the HTTP API that would break a reference; as above.",
  }),
  revisions: integer({
    min: 1,
    max: 10_000,
    default: "100",
    doc: "How many revisions are kept for diff and rollback.",
  }),
  endpointTtlMs: duration({
    default: "30s",
    minMs: 1000,
    doc: "How long a registered endpoint lives without a heartbeat, unless it says otherwise.",
  }),
};

const protocolFields = {
  rollback: bool({
    default: "true",
    doc:
      "Gives nodes that do not have a resource yet its last accepted content while the current " +
      "one is rejected.",
  }),
  orderingTimeoutMs: duration({
    default: "5s",
    doc: "How long a resource waits at most for the ACK of what it refers to.",
  }),
  tellRemovals: bool({
    doc: "Tells Delta clients of removed secrets and extension configurations, too, which some " +
      "versions of Envoy mishandle.",
  }),
  nodeIdentity: string({
    value: "URI",
    doc: "URI SAN that a node's certificate must have, with the placeholders `{id}` and " +
      "`{cluster}`, e.g. `spiffe://shop/{cluster}/{id}`; needs `--client-ca`.",
  }),
  restWaitMs: duration({
    default: "0s",
    maxMs: 300_000,
    doc: "How long a REST poll for something unchanged is held open, unless its `Prefer: wait=` " +
      "header says otherwise. Keep it below the `request_timeout` of the pollers.",
  }),
  maxNames: integer({
    min: 1,
    max: 10_000_000,
    default: "100000",
    doc: "Names that one stream may subscribe to.",
  }),
};

const stateFields = {
  redisUrl: string({
    secret: true,
    doc:
      "Redis that keeps what replicas share, so that any of them takes changes and all serve the " +
      "same: `host:port`, the path of a socket, `master,host:port,...` of sentinels or " +
      "`host:port,...` of a cluster. Without it the state is in `--data-dir`.",
  }),
  ...redisConnectionFields,
  keyPrefix: string({
    doc: "Comes before the key of everything in Redis; replicas with the same one belong together.",
  }),
};

/** The schema of `denvoy serve ads` and of services/ads/main.ts. */
export const adsSchema: Schema<
  typeof sourceFields & typeof protocolFields & typeof sdsFields & typeof stateFields
> = defineConfig({
  service: "ads",
  summary: "Gives every Envoy its configuration: xDS over gRPC and REST.",
  ports: { grpc: 18000, http: 18001 },
  fields: { ...sourceFields, ...protocolFields, ...sdsFields, ...stateFields },
});

/** The settings of ads, complete and frozen. */
export type AdsConfig = ConfigOf<typeof adsSchema>;

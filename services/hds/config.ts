// SPDX-License-Identifier: Apache-2.0
/**
 * The settings of hds: one schema from which flags, environment, `denvoy.yaml`, `--help` and the
 * reference page are made.
 * @module
 */
import { redisConnectionFields } from "@denvoy/redis";
import {
  bool,
  type ConfigOf,
  defineConfig,
  duration,
  integer,
  oneOf,
  path,
  type Schema,
  secretFile,
  string,
  stringList,
  url,
} from "@denvoy/runtime";
import { assignmentModes } from "./domain/assignment.ts";
import { agreements } from "./domain/tally.ts";

const sourceFields = {
  clusters: path({
    doc: "File or folder of Cluster resources (YAML or JSON) with `load_assignment` and " +
      "`health_checks`, in the shape of ads' files; other resources in it are passed over. Watched " +
      "while running.",
  }),
  allowInvalid: bool({
    doc: "Starts even if `--clusters` has errors; Envoys are told nothing until it is mended.",
  }),
  ads: stringList({
    value: "ADDRESS",
    doc: "gRPC addresses of a control plane, tried in turn: clusters and endpoints are read from " +
      "it over xDS.",
  }),
  adsNode: string({ default: "denvoy-hds", doc: "Id of the node that hds is to `--ads`." }),
  adsCluster: string({ default: "hds", doc: "Cluster of that node." }),
  adsCa: path({
    value: "FILE",
    doc: "Roots (PEM) for the certificate of `--ads` and `--ads-url`.",
  }),
  adsCert: path({
    value: "FILE",
    doc:
      "Certificate chain (PEM) to show to both; ads must name it in its `--http-admin` for `--ads-url`.",
  }),
  adsKey: secretFile({ doc: "Private key (PEM) of `--ads-cert`." }),
  extensions: stringList({
    value: "TYPE",
    doc: "More types of checkers and transport sockets, such as " +
      "`acme.health_checkers.v1.Ping`, that every Envoy here was built with.",
  }),
  envoysHave: stringList({
    value: "ads|files",
    doc: "What every Envoy here is known to have, so that TLS contexts may use it: an ADS to get " +
      "secrets from (`ads`), the files that they name (`files`). An Envoy that has not ends itself.",
  }),
  dnsRefreshMs: duration({
    default: "30s",
    minMs: 1000,
    doc: "How often host names of endpoints are resolved: Envoys are told IP addresses.",
  }),
};

const checkFields = {
  defaultCheck: string({
    value: "none|tcp|grpc|http:PATH",
    default: "tcp",
    doc: "How endpoints of clusters without `health_checks` are checked.",
  }),
  defaultIntervalMs: duration({
    default: "5s",
    minMs: 100,
    doc: "Time between two probes of that check.",
  }),
  defaultTimeoutMs: duration({
    default: "2s",
    minMs: 10,
    doc: "How long a probe of that check may take.",
  }),
  defaultRise: integer({
    min: 1,
    max: 100,
    default: "1",
    doc: "Passed probes in a row after which that check finds an endpoint healthy.",
  }),
  defaultFall: integer({
    min: 1,
    max: 100,
    default: "2",
    doc: "Failed probes in a row after which it does not; an HTTP status counts at once.",
  }),
};

const assignmentFields = {
  assignment: oneOf(assignmentModes, {
    default: "spread",
    doc: "Who checks an endpoint: the Envoy that it belongs to (`self`), Envoys of its locality " +
      "(`locality`), or any (`spread`).",
  }),
  probers: integer({
    min: 1,
    max: 100,
    default: "3",
    doc: "How many Envoys check an endpoint, where there are so many.",
  }),
  maxEndpoints: integer({
    min: 1,
    max: 100_000,
    default: "2000",
    doc: "How many endpoints one Envoy checks at most.",
  }),
};

const verdictFields = {
  reportIntervalMs: duration({
    default: "1s",
    minMs: 100,
    maxMs: 300_000,
    doc:
      "How often an Envoy reports, always the whole list: take 5s for 1,000 endpoints an Envoy. " +
      "After three intervals of silence what it found is unknown.",
  }),
  agreement: oneOf(agreements, {
    default: "majority",
    doc: "How many of an endpoint's Envoys must find it healthy for it to be so.",
  }),
  rise: integer({
    min: 1,
    max: 100,
    default: "1",
    doc: "Reports in a row that must say healthy before an Envoy's opinion is that.",
  }),
  fall: integer({
    min: 1,
    max: 100,
    default: "1",
    doc: "Reports in a row that must say unhealthy before an Envoy's opinion is that.",
  }),
  doubtFrom: integer({
    max: 100_000,
    default: "3",
    doc: "An Envoy that fails each of at least so many endpoints is not believed; 0 believes it. " +
      "Without meaning in `--assignment self`.",
  }),
  panicThreshold: integer({
    max: 100,
    default: "20",
    doc: "Percentage of a cluster's endpoints that stay in load balancing whatever is found.",
  }),
  flapLimit: integer({
    max: 1000,
    default: "4",
    doc:
      "Evictions within `--flap-window` after which an endpoint comes back only when it has been " +
      "found healthy for `--flap-hold`; 0 lets it come and go.",
  }),
  flapWindowMs: duration({ default: "5m", doc: "How far back evictions count." }),
  flapHoldMs: duration({ default: "30s", doc: "How long a flapping endpoint must be healthy." }),
};

const actionFields = {
  adsUrl: url({
    schemes: ["http", "https"],
    doc: "HTTP API of ads: verdicts become the `health_status` of endpoints there.",
  }),
  adsTokenFile: secretFile({ doc: "File with the bearer token for `--ads-url`." }),
  verdictTtlMs: duration({
    default: "5m",
    minMs: 5000,
    maxMs: 86_400_000,
    doc: "How long ads believes a verdict that is not repeated; hds repeats it three times within.",
  }),
  healthFile: path({
    doc: "File that all verdicts are written to as JSON whenever one changes.",
  }),
  webhook: url({
    schemes: ["http", "https"],
    secret: true,
    doc: "URL that changes are sent to as JSON (POST).",
  }),
  webhookTokenFile: secretFile({ doc: "File with a bearer token for `--webhook`." }),
};

const stateFields = {
  redisUrl: string({
    secret: true,
    doc:
      "Redis that keeps the state, shared by all replicas, of which one leads: `host:port`, the " +
      "path of a socket, `master,host:port,...` of sentinels or `host:port,...` of a cluster. " +
      "Without it the state is in `--data-dir`.",
  }),
  ...redisConnectionFields,
  keyPrefix: string({
    doc: "Comes before the key of everything in Redis; replicas with the same one belong together.",
  }),
  leaderTtlMs: duration({
    default: "5s",
    minMs: 1000,
    maxMs: 300_000,
    doc: "After how long without a word of the leader another replica leads.",
  }),
};

/** The schema of `denvoy serve hds` and of services/hds/main.ts. */
export const hdsSchema: Schema<
  & typeof sourceFields
  & typeof checkFields
  & typeof assignmentFields
  & typeof verdictFields
  & typeof actionFields
  & typeof stateFields
> = defineConfig({
  service: "hds",
  summary: "Has Envoys check health, and decides what follows: HDS over gRPC.",
  ports: { grpc: 18020, http: 18021 },
  fields: {
    ...sourceFields,
    ...checkFields,
    ...assignmentFields,
    ...verdictFields,
    ...actionFields,
    ...stateFields,
  },
});

/** The settings of hds, complete and frozen. */
export type HdsConfig = ConfigOf<typeof hdsSchema>;

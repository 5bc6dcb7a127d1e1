// SPDX-License-Identifier: Apache-2.0
/**
 * The settings of metrics: one schema from which flags, environment, `denvoy.yaml`, `--help` and the
 * reference page are made.
 * @module
 */
import { redisConnectionFields } from "@denvoy/redis";
import {
  bool,
  type ConfigOf,
  decimal,
  defineConfig,
  duration,
  integer,
  oneOf,
  path,
  type Schema,
  secretFile,
  size,
  string,
  stringList,
  stringMap,
  url,
} from "@denvoy/runtime";

const seriesFields = {
  counters: oneOf(["cumulative", "delta"], {
    default: "cumulative",
    doc: "How Envoys send counters: `delta` where `report_counters_as_deltas` is on. Nothing on " +
      "the wire says it.",
  }),
  deltaNodes: stringList({
    flag: "delta-node",
    value: "PATTERN",
    doc: "Ids of nodes whose counters are deltas whatever `--counters` says; `*` is any text.",
  }),
  extractTags: oneOf(["auto", "never"], {
    default: "auto",
    doc: "Finds the tags in names that come without labels (`emit_tags_as_labels` is off), as " +
      "Envoy does for its own `/stats/prometheus`.",
  }),
  nodeLabels: stringList({
    flag: "node-label",
    value: "FIELD",
    doc: "What of a node becomes a label beside its id and cluster: `region`, `zone`, " +
      "`sub_zone`, `version` or `metadata.<path>`.",
  }),
  rules: path({
    doc: "File of cardinality rules (YAML): what is kept, and with which labels; watched while " +
      "running.",
  }),
};

const boundFields = {
  maxSeriesPerNode: integer({
    min: 1,
    default: "20000",
    doc: "Series of one Envoy at most; more are cut and counted.",
  }),
  maxSeries: integer({
    min: 1,
    default: "2000000",
    doc: "Series of all Envoys at most; each takes about 100 bytes.",
  }),
  maxNodes: integer({ min: 1, default: "10000", doc: "Envoys at most, the remembered included." }),
  expireMs: duration({
    default: "1m",
    minMs: 1_000,
    doc: "An Envoy that has not reported for this long is shown no more.",
  }),
  forgetMs: duration({
    default: "24h",
    minMs: 1_000,
    doc: "An Envoy that has not reported for this long is forgotten, but for what it adds to sums.",
  }),
  saveMs: duration({
    flag: "save-interval",
    default: "10s",
    minMs: 1_000,
    doc:
      "How often totals are written to `--data-dir` or Redis; a crash loses what Envoys sent since then " +
      "and will not send again.",
  }),
};

const stateFields = {
  redisUrl: string({
    secret: true,
    doc:
      "Redis that keeps the totals, shared by all replicas: `host:port`, the path of a socket, " +
      "`master,host:port,...` of sentinels or `host:port,...` of a cluster. Without it they are in " +
      "`--data-dir`.",
  }),
  ...redisConnectionFields,
  keyPrefix: string({
    doc: "Comes before the key of everything in Redis; replicas with the same one belong together.",
  }),
};

const scrapeFields = {
  openFleetMetrics: bool({
    doc: "Serves `/fleet/metrics` without a token or client certificate.",
  }),
};

const otlpFields = {
  otlpUrl: url({
    schemes: ["http", "https"],
    doc: "Collector that metrics are sent on to by OTLP, e.g. `http://127.0.0.1:4318`.",
  }),
  otlpProtocol: oneOf(["http", "grpc"], {
    default: "http",
    doc: "OTLP over HTTP (protobuf) or gRPC.",
  }),
  otlpHeaders: stringMap({
    flag: "otlp-header",
    secret: true,
    doc: "Header of each request to the collector, over HTTP; e.g. for a token.",
  }),
  otlpTemporality: oneOf(["cumulative", "delta"], {
    default: "cumulative",
    doc: "Whether points hold totals, or what was added since the last that was acknowledged.",
  }),
  otlpIntervalMs: duration({
    default: "15s",
    minMs: 100,
    doc: "How often each Envoy is sent on.",
  }),
  otlpTimeoutMs: duration({
    default: "10s",
    minMs: 100,
    doc: "The longest that a request to the collector may take.",
  }),
};

const loadFields = {
  loadIntervalMs: duration({
    default: "10s",
    minMs: 1_000,
    maxMs: 3_600_000,
    doc: "How often Envoys report load; below a second they would report without a pause.",
  }),
  loadClusters: stringList({
    flag: "load-cluster",
    value: "NAME",
    doc: "Cluster whose load is reported; all without it.",
  }),
  loadGranularity: oneOf(["endpoint", "locality"], {
    default: "endpoint",
    doc: "Whether load is told for each endpoint or for each locality only.",
  }),
  maxLoadEntries: integer({
    min: 1,
    default: "1000000",
    doc: "Clusters, localities and endpoints in the reports of all Envoys together, at most.",
  }),
  adsUrl: url({
    schemes: ["http", "https"],
    doc: "HTTP API of ads that weights by load are offered to: endpoints that say how busy they " +
      "are (ORCA) and are registered there get requests by their capacity.",
  }),
  adsTokenFile: secretFile({ doc: "Bearer token for `--ads-url`; read again for each offer." }),
  offerWeightsMs: duration({
    flag: "offer-weights-interval",
    default: "30s",
    minMs: 1_000,
    doc: "How often weights are offered to `--ads-url`.",
  }),
};

const accessLogFields = {
  accessLogSinks: stringList({
    flag: "access-log-sink",
    value: "SINK",
    doc: "Where lines of access logs are written: `stdout`, `file` (`--access-log-file`) or " +
      "`otlp` (`--otlp-url`). Signals need none.",
  }),
  accessLogFile: path({ value: "FILE", doc: "File of the sink `file`; rotated by size." }),
  accessLogMaxBytes: size({
    default: "100MiB",
    minBytes: 1024,
    doc: "Size at which the file is rotated.",
  }),
  accessLogKeep: integer({ default: "5", max: 1000, doc: "Rotated files that are kept." }),
  accessLogFilters: stringList({
    flag: "access-log-filter",
    value: "CONDITION",
    doc: "Lines that are always written, e.g. `status>=500` or " +
      "`upstream_cluster=shop*&duration_ms>1000`; several are alternatives.",
  }),
  accessLogSample: decimal({
    max: 1,
    doc: "Share of the other lines that is written: by default all without a filter, else none.",
  }),
  accessLogQueue: integer({
    min: 1,
    default: "10000",
    doc: "Lines that wait for each sink at most.",
  }),
  accessLogOverflow: oneOf(["wait", "drop"], {
    default: "wait",
    doc: "What happens when as many wait: Envoy is slowed (its own buffer holds what it can), or " +
      "lines are dropped and counted.",
  }),
  maxSignals: integer({
    min: 3,
    default: "2000",
    doc: "Services, edges and routes with signals of their own at most; each takes about 100 KB " +
      "when it is busy.",
  }),
};

const identityFields = {
  nodeIdentity: string({
    value: "URI",
    doc: "URI SAN that a node's certificate must have, with the placeholders `{id}` and " +
      "`{cluster}`, e.g. `spiffe://shop/{cluster}/{id}`; needs `--client-ca`.",
  }),
};

/** The schema of services/metrics/main.ts. */
export const metricsSchema: Schema<
  & typeof seriesFields
  & typeof boundFields
  & typeof stateFields
  & typeof scrapeFields
  & typeof otlpFields
  & typeof loadFields
  & typeof accessLogFields
  & typeof identityFields
> = defineConfig({
  service: "metrics",
  summary: "What all Envoys report, in one place: metrics, access logs and load.",
  ports: { grpc: 18_030, http: 18_031 },
  fields: {
    ...seriesFields,
    ...boundFields,
    ...stateFields,
    ...scrapeFields,
    ...otlpFields,
    ...loadFields,
    ...accessLogFields,
    ...identityFields,
  },
});

/** The settings of metrics, complete and frozen. */
export type MetricsConfig = ConfigOf<typeof metricsSchema>;

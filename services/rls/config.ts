// SPDX-License-Identifier: Apache-2.0
/**
 * The settings of rls: one schema from which flags, environment, `denvoy.yaml`, `--help` and the
 * reference page are made. The variables of envoyproxy/ratelimit are aliases:
 * reference_environment.ts.
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
  string,
} from "@denvoy/runtime";
import { failurePolicies } from "./domain/limit_rule.ts";
import { quotaStrategies } from "./domain/quota_assignment.ts";
import { withoutRuleChoices } from "./domain/quota_settings.ts";
import { headerStyles } from "./domain/response_headers.ts";
import { exportFields } from "./export_settings.ts";
import { xdsFields } from "./xds_settings.ts";

const limitFields = {
  limits: path({
    doc: "File or folder of limits (YAML in the format of envoyproxy/ratelimit); watched while " +
      "running. Hidden files do not count. Without it and `--limits-xds` the service does not " +
      "start, and `denvoy serve` that names no service leaves it out.",
  }),
  mergeDomains: bool({ doc: "Lets several files add rules to one domain." }),
  allowInvalid: bool({
    doc: "Starts even if `--limits` has errors; calls fail with UNAVAILABLE until it is mended.",
  }),
  shadowMode: bool({ doc: "Counts and reports, but lets every request pass." }),
  quotaMode: bool({ doc: "Takes every limit as one in quota mode." }),
  nearLimitRatio: decimal({
    min: 0,
    max: 1,
    default: "0.8",
    doc: "Part of a limit from which on hits are counted as near it.",
  }),
  counting: oneOf(["each", "all-or-nothing", "over-only"], {
    default: "each",
    doc:
      "Which limits of a request count when one is over: all, none, or only those that are over.",
  }),
};

const insightFields = {
  hotKeys: integer({
    max: 100,
    default: "10",
    doc:
      "Keys of each limit that `/v1/limits` shows, those that are asked for most first, with the " +
      "values of their descriptors; 0 remembers none.",
  }),
};

const responseFields = {
  responseHeaders: oneOf(headerStyles, {
    default: "none",
    doc: "Headers that tell clients how they stand: one each for limit, remaining and reset " +
      "(`separate`), `RateLimit-Policy` and `RateLimit` of the later IETF drafts (`structured`), " +
      "or `both`.",
  }),
  limitHeader: string({ default: "RateLimit-Limit", doc: "Name of the header with the limit." }),
  remainingHeader: string({
    default: "RateLimit-Remaining",
    doc: "Name of the header with the requests that are left.",
  }),
  resetHeader: string({
    default: "RateLimit-Reset",
    doc: "Name of the header with the seconds until the reset.",
  }),
  dynamicMetadata: bool({
    doc: "Sends the descriptors and the rules' `metadata` as dynamic metadata.",
  }),
};

const storeFields = {
  storeTimeoutMs: duration({
    default: "20ms",
    minMs: 1,
    doc: "The longest that a request waits for the store of counters.",
  }),
  onStoreFailure: oneOf(failurePolicies, {
    default: "error",
    doc:
      "What limits answer while the store fails, unless their `on_store_failure` says otherwise.",
  }),
  keyPrefix: string({ doc: "Comes before the key of every counter." }),
  maxCounters: integer({
    min: 1,
    default: "500000",
    doc: "Counters that this process keeps at most: all of them without Redis, else those of " +
      "limits that count here while Redis is away.",
  }),
  localCache: integer({
    default: "0",
    doc: "Counters over their limit that this process remembers, so that Redis is not asked for " +
      "them; 0 remembers none.",
  }),
};

const redisFields = {
  redisUrl: string({
    secret: true,
    doc: "Redis that counts: `host:port`, the path of a socket, `master,host:port,...` of " +
      "sentinels or `host:port,...` of a cluster. Without it this process counts.",
  }),
  ...redisConnectionFields,
  readyFollowsRedis: bool({
    doc: "`/healthcheck`, `/readyz` and gRPC health say that the service cannot serve whenever " +
      "Redis does not count. Without it they do so only until Redis has counted first, as all " +
      "replicas would be gone at once; `/readyz` says `degraded` later.",
  }),
  redisPersecondUrl: string({
    secret: true,
    doc: "Another Redis for windows of one second.",
  }),
  redisPersecondType: oneOf(["single", "sentinel", "cluster"], {
    default: "single",
    doc: "What `--redis-persecond-url` names.",
  }),
  redisPersecondAuth: string({
    secret: true,
    doc: "`password` or `user:password` for that Redis.",
  }),
  redisPersecondSentinelAuth: string({ secret: true, doc: "The same for its sentinels." }),
  redisPersecondTls: oneOf(["as-main", "on", "off"], {
    default: "as-main",
    doc: "Whether that Redis is spoken to with TLS; with the same keys.",
  }),
  expirationJitterSeconds: integer({
    max: 86_400,
    default: "300",
    doc: "Up to so many seconds are added at random to the life of a fixed window in Redis.",
  }),
};

const quotaFields = {
  quotaTtlMs: duration({
    default: "30s",
    minMs: 2000,
    doc: "How long a quota assignment lasts, in whole seconds. It is renewed after half of it; " +
      "when the service is away for longer, Envoys do what their filter says of expired ones.",
  }),
  quotaIdleMs: duration({
    default: "5m",
    minMs: 1000,
    doc: "A quota bucket without requests for so long is abandoned.",
  }),
  quotaStrategy: oneOf(quotaStrategies, {
    default: "token-bucket",
    doc: "How shares of a limit are said. Envoy 1.40 ignores `requests-per-time-unit`.",
  }),
  quotaWithoutRule: oneOf(withoutRuleChoices, {
    default: "abandon",
    doc: "What a quota bucket without a limit is told: `abandon` leaves it to the " +
      "`no_assignment_behavior` of Envoy's filter.",
  }),
  quotaMaxBuckets: integer({
    min: 1,
    default: "200000",
    doc: "Quota buckets at most, each Envoy's for itself; more are abandoned.",
  }),
  quotaMaxBucketsPerStream: integer({
    min: 1,
    default: "10000",
    doc: "Quota buckets of one Envoy at most; more are abandoned.",
  }),
};

/** The schema of services/rls/main.ts. */
export const rlsSchema: Schema<
  & typeof limitFields
  & typeof xdsFields
  & typeof insightFields
  & typeof responseFields
  & typeof storeFields
  & typeof redisFields
  & typeof quotaFields
  & typeof exportFields
> = defineConfig({
  service: "rls",
  summary: "Global rate limits for Envoy: a drop-in for envoyproxy/ratelimit.",
  ports: { grpc: 8081, http: 8080 },
  fields: {
    ...limitFields,
    ...xdsFields,
    ...insightFields,
    ...responseFields,
    ...storeFields,
    ...redisFields,
    ...quotaFields,
    ...exportFields,
  },
});

/** The settings of rls, complete and frozen. */
export type RlsConfig = ConfigOf<typeof rlsSchema>;

// SPDX-License-Identifier: Apache-2.0
/**
 * A real Envoy that takes quotas from rls: requests with the header `x-plan` are counted in the
 * bucket `{plan: <value>}`, others pass.
 * @module
 */
import { type Envoy, freePort, startEnvoy } from "../support/mod.ts";

/** How to start one. */
export interface QuotaEnvoyOptions {
  /** `host:port` of rls. */
  readonly rls: string;
  /** Port of the backend. */
  readonly backend: number;
  /** What it calls itself. */
  readonly node: string;
  /** What it does once an assignment has expired. @default denies */
  readonly expired?: Readonly<Record<string, unknown>>;
  /** What it does before the first assignment. @default allows */
  readonly unassigned?: Readonly<Record<string, unknown>>;
}

/** A running Envoy. */
export interface QuotaEnvoy extends AsyncDisposable {
  /** The Envoy. */
  readonly envoy: Envoy;
  /** Where it takes requests. */
  readonly url: string;
}

const FILTERS = "type.googleapis.com/envoy.extensions.filters";
const QUOTA = `${FILTERS}.http.rate_limit_quota.v3`;
const header = {
  "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
  header_name: "x-plan",
};

/** Lets all pass. */
export const allowAll = { fallback_rate_limit: { blanket_rule: "ALLOW_ALL" } } as const;
/** Lets none pass. */
export const denyAll = { fallback_rate_limit: { blanket_rule: "DENY_ALL" } } as const;

/** Starts an Envoy and waits until it takes requests. */
export async function startQuotaEnvoy(options: QuotaEnvoyOptions): Promise<QuotaEnvoy> {
  const port = freePort();
  const envoy = await startEnvoy({ bootstrap: bootstrap(options, port) });
  try {
    await envoy.admin.ready();
  } catch (error) {
    await envoy[Symbol.asyncDispose]();
    throw error;
  }
  return {
    envoy,
    url: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: () => envoy[Symbol.asyncDispose](),
  };
}

/** Sends one request; returns its status. */
export async function ask(url: string, plan: string): Promise<number> {
  const response = await fetch(url, {
    headers: { "x-plan": plan, connection: "close" },
    signal: AbortSignal.timeout(5_000),
  });
  await response.body?.cancel();
  return response.status;
}

function bootstrap(options: QuotaEnvoyOptions, port: number) {
  const manager = {
    "@type": `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "in",
    http_filters: [quotaFilter(options), {
      name: "envoy.filters.http.router",
      typed_config: { "@type": `${FILTERS}.http.router.v3.Router` },
    }],
    route_config: {
      virtual_hosts: [{
        name: "all",
        domains: ["*"],
        routes: [{ match: { prefix: "/" }, route: { cluster: "backend" } }],
      }],
    },
  };
  const name = "envoy.filters.network.http_connection_manager";
  const filter_chains = [{ filters: [{ name, typed_config: manager }] }];
  return {
    admin: { address: address("127.0.0.1:0") },
    static_resources: {
      listeners: [{ name: "in", address: address(`127.0.0.1:${port}`), filter_chains }],
      clusters: [
        cluster("rls", options.rls, http2),
        cluster("backend", `127.0.0.1:${options.backend}`),
      ],
    },
  };
}

function quotaFilter({ node, unassigned = allowAll, expired = denyAll }: QuotaEnvoyOptions) {
  const settings = {
    "@type": `${QUOTA}.RateLimitQuotaBucketSettings`,
    bucket_id_builder: {
      bucket_id_builder: { plan: { custom_value: { name: "plan", typed_config: header } } },
    },
    reporting_interval: "1s",
    no_assignment_behavior: unassigned,
    // Envoy takes an absent timeout for none at all, and would go on to no_assignment_behavior.
    expired_assignment_behavior: { ...expired, expired_assignment_behavior_timeout: "600s" },
  };
  const matcher = {
    predicate: {
      single_predicate: {
        input: { name: "plan", typed_config: header },
        value_match: { safe_regex: { google_re2: {}, regex: ".+" } },
      },
    },
    on_match: { action: { name: "bucket", typed_config: settings } },
  };
  return {
    name: "envoy.filters.http.rate_limit_quota",
    typed_config: {
      "@type": `${QUOTA}.RateLimitQuotaFilterConfig`,
      domain: "shop",
      rlqs_server: {
        envoy_grpc: { cluster_name: "rls" },
        initial_metadata: [{ key: "x-node-id", value: node }],
      },
      bucket_matchers: { matcher_list: { matchers: [matcher] } },
    },
  };
}

function address(text: string) {
  const [host, port] = text.split(":");
  return { socket_address: { address: host, port_value: Number(port) } };
}

function cluster(name: string, text: string, more: Readonly<Record<string, unknown>> = {}) {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(text) } }] }];
  return { name, load_assignment: { cluster_name: name, endpoints }, ...more };
}

const http2 = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

// SPDX-License-Identifier: Apache-2.0
/**
 * The resource types that Envoy knows and how the protocol differs between them: what an empty list
 * of names means, whether a SotW response is the whole set, and how a client is told of absence.
 * @module
 */
import type { TypeUrl } from "./resource.ts";

const PREFIX = "type.googleapis.com/";

/** Type URLs by the name of their discovery service. */
export const TypeUrls = {
  /** LDS. */
  listener: `${PREFIX}envoy.config.listener.v3.Listener`,
  /** CDS. */
  cluster: `${PREFIX}envoy.config.cluster.v3.Cluster`,
  /** EDS. */
  endpoints: `${PREFIX}envoy.config.endpoint.v3.ClusterLoadAssignment`,
  /** LEDS. */
  lbEndpoint: `${PREFIX}envoy.config.endpoint.v3.LbEndpoint`,
  /** RDS. */
  route: `${PREFIX}envoy.config.route.v3.RouteConfiguration`,
  /** SRDS. */
  scopedRoute: `${PREFIX}envoy.config.route.v3.ScopedRouteConfiguration`,
  /** VHDS. */
  virtualHost: `${PREFIX}envoy.config.route.v3.VirtualHost`,
  /** SDS. */
  secret: `${PREFIX}envoy.extensions.transport_sockets.tls.v3.Secret`,
  /** RTDS. */
  runtime: `${PREFIX}envoy.service.runtime.v3.Runtime`,
  /** ECDS. */
  extensionConfig: `${PREFIX}envoy.config.core.v3.TypedExtensionConfig`,
  /** Limits of the rate limit service. */
  rateLimitConfig: `${PREFIX}ratelimit.config.ratelimit.v3.RateLimitConfig`,
} as const;

/** How a Delta client learns that a name it subscribed to does not exist. */
export type MissingSignal = "removed-resources" | "empty-alias" | "silence";

/** What is particular to a type. */
export interface TypePolicy {
  /**
   * A SotW response holds the whole set, and what it leaves out is deleted. True of LDS and CDS
   * (xds_protocol "Grouping Resources into Responses"), of SRDS as Envoy implements it, and of limits
   * as envoyproxy/ratelimit reads them.
   */
  readonly fullState: boolean;
  /**
   * A first request without names means everything (xds_protocol "How the client specifies what
   * resources to return"). Not so for EDS, where Envoy sends empty requests that mean nothing, and
   * SDS, where it would hand every secret to whoever forgot to say which.
   */
  readonly legacyWildcard: boolean;
  /** How absence of a named resource is told in Delta. */
  readonly missing: MissingSignal;
  /** Deletion is told in Delta; Envoy has mishandled it for secrets and extension configs. */
  readonly removable: boolean;
  /** A resource without a body renews its TTL. Envoy takes it for an update of a virtual host. */
  readonly heartbeat: boolean;
  /**
   * After a rejection the accepted content, or the absence, is told at once. Envoy may keep a cluster
   * that it rejected among those that are warming (one whose load balancer cannot be made), and ACKs
   * no further clusters until that one is replaced or removed.
   */
  readonly restores: boolean;
  /**
   * A response holds one resource. Envoy rejects a response with one bad secret as a whole after
   * using some of the others, and which ones depends on their order.
   */
  readonly alone: boolean;
}

const DEFAULT: TypePolicy = {
  fullState: false,
  legacyWildcard: true,
  missing: "removed-resources",
  removable: true,
  heartbeat: true,
  restores: false,
  alone: false,
};
const FULL_STATE: TypePolicy = { ...DEFAULT, fullState: true };
const SECRET: TypePolicy = {
  ...DEFAULT,
  legacyWildcard: false,
  missing: "silence",
  removable: false,
  alone: true,
};
const POLICIES: ReadonlyMap<TypeUrl, TypePolicy> = new Map([
  [TypeUrls.listener, FULL_STATE],
  [TypeUrls.cluster, { ...FULL_STATE, restores: true }],
  [TypeUrls.scopedRoute, FULL_STATE],
  [TypeUrls.rateLimitConfig, FULL_STATE],
  [TypeUrls.endpoints, { ...DEFAULT, legacyWildcard: false }],
  [TypeUrls.virtualHost, { ...DEFAULT, missing: "empty-alias", heartbeat: false }],
  [TypeUrls.secret, SECRET],
  [TypeUrls.extensionConfig, { ...SECRET, legacyWildcard: true, alone: false }],
]);

/**
 * Returns the policy of a type; one that is not known is treated like RDS. With `tellRemovals` the
 * absence of secrets and extension configs is told like that of any other type.
 */
export function typePolicy(typeUrl: TypeUrl, tellRemovals = false): TypePolicy {
  const policy = POLICIES.get(typeUrl) ?? DEFAULT;
  if (policy.removable || !tellRemovals) return policy;
  return { ...policy, missing: "removed-resources", removable: true };
}

const ORDER: readonly TypeUrl[] = [
  TypeUrls.cluster,
  TypeUrls.endpoints,
  TypeUrls.lbEndpoint,
  TypeUrls.secret,
  TypeUrls.extensionConfig,
  TypeUrls.listener,
  TypeUrls.scopedRoute,
  TypeUrls.route,
  TypeUrls.virtualHost,
];

/**
 * Returns the place of a type in what is sent first: clusters, endpoints, what warms them, listeners,
 * routes, virtual hosts, all others (xds_protocol "Eventual consistency considerations").
 */
export function typeRank(typeUrl: TypeUrl): number {
  const rank = ORDER.indexOf(typeUrl);
  return rank < 0 ? ORDER.length : rank;
}

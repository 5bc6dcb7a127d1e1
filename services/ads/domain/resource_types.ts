// SPDX-License-Identifier: Apache-2.0
/**
 * The types that are served, with the words that people use for them in addresses and messages, and
 * the field that names a resource of the type.
 * @module
 */
import { type ResourceKey, type TypeUrl, TypeUrls } from "@denvoy/xds";

/** A type of resource that is served. */
export interface ResourceType {
  /** Its type URL. */
  readonly typeUrl: TypeUrl;
  /** Plural in addresses, e.g. `clusters` in `/v1/resources/clusters/front`. */
  readonly plural: string;
  /** Singular in messages, e.g. `cluster "front"`. */
  readonly singular: string;
  /**
   * Proto name of the field that names the resource; absent for types that are named only by the
   * `envoy.service.discovery.v3.Resource` around them.
   */
  readonly nameField?: string;
}

const PREFIX = "type.googleapis.com/";

/** The type of CDS. */
export const CLUSTER: TypeUrl = TypeUrls.cluster;
/** The type of EDS. */
export const LOAD_ASSIGNMENT: TypeUrl = TypeUrls.endpoints;
/** The type of LEDS. */
export const LB_ENDPOINT: TypeUrl = TypeUrls.lbEndpoint;
/** The type of LDS. */
export const LISTENER: TypeUrl = TypeUrls.listener;
/** The type of RDS. */
export const ROUTE_CONFIGURATION: TypeUrl = TypeUrls.route;
/** The type of VHDS. */
export const VIRTUAL_HOST: TypeUrl = TypeUrls.virtualHost;
/** The type of SRDS. */
export const SCOPED_ROUTE: TypeUrl = TypeUrls.scopedRoute;
/** The type of SDS. */
export const SECRET: TypeUrl = TypeUrls.secret;
/** The type of RTDS. */
export const RUNTIME: TypeUrl = TypeUrls.runtime;
/** The type of ECDS. */
export const EXTENSION_CONFIG: TypeUrl = TypeUrls.extensionConfig;
/** Limits, read by the rate limit service. */
export const RATE_LIMIT_CONFIG: TypeUrl = TypeUrls.rateLimitConfig;
/** `envoy.config.endpoint.v3.LbEndpointCollection`, a list of endpoints by name. */
export const LB_ENDPOINT_COLLECTION: TypeUrl =
  `${PREFIX}envoy.config.endpoint.v3.LbEndpointCollection`;
/** `envoy.service.discovery.v3.Resource`, the wrapper that gives a name and a TTL. */
export const RESOURCE_WRAPPER: TypeUrl = `${PREFIX}envoy.service.discovery.v3.Resource`;

/** All types, in the order in which people think of them. */
export const resourceTypes: readonly ResourceType[] = [
  { typeUrl: LISTENER, plural: "listeners", singular: "listener", nameField: "name" },
  { typeUrl: ROUTE_CONFIGURATION, plural: "routes", singular: "route config", nameField: "name" },
  { typeUrl: SCOPED_ROUTE, plural: "scoped-routes", singular: "scoped route", nameField: "name" },
  // A virtual host is asked for as `<route config>/<host>`, which no field of it holds.
  { typeUrl: VIRTUAL_HOST, plural: "virtual-hosts", singular: "virtual host" },
  { typeUrl: CLUSTER, plural: "clusters", singular: "cluster", nameField: "name" },
  {
    typeUrl: LOAD_ASSIGNMENT,
    plural: "endpoints",
    singular: "load assignment",
    nameField: "cluster_name",
  },
  { typeUrl: LB_ENDPOINT, plural: "lb-endpoints", singular: "endpoint" },
  {
    typeUrl: LB_ENDPOINT_COLLECTION,
    plural: "lb-endpoint-collections",
    singular: "endpoint collection",
  },
  { typeUrl: SECRET, plural: "secrets", singular: "secret", nameField: "name" },
  { typeUrl: RUNTIME, plural: "runtimes", singular: "runtime layer", nameField: "name" },
  {
    typeUrl: EXTENSION_CONFIG,
    plural: "extension-configs",
    singular: "extension config",
    nameField: "name",
  },
  {
    typeUrl: RATE_LIMIT_CONFIG,
    plural: "rate-limits",
    singular: "rate limit config",
    nameField: "name",
  },
];

const byUrl = new Map(resourceTypes.map((type) => [type.typeUrl, type]));
const byWord = new Map(resourceTypes.flatMap((type) => [
  [type.plural, type] as const,
  [type.typeUrl, type] as const,
  [type.typeUrl.slice(PREFIX.length), type] as const,
]));

/** Returns the type of a type URL; undefined for one that is not served. */
export function resourceType(typeUrl: TypeUrl): ResourceType | undefined {
  return byUrl.get(typeUrl);
}

/** Returns the type that a plural, a type URL or a full message name stands for. */
export function resourceTypeByWord(word: string): ResourceType | undefined {
  return byWord.get(word);
}

/** Returns a key as people read it: `cluster "front"`. */
export function describeKey(key: ResourceKey): string {
  return `${byUrl.get(key.typeUrl)?.singular ?? key.typeUrl} "${key.name}"`;
}

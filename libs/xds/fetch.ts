// SPDX-License-Identifier: Apache-2.0
/**
 * One question, one answer, nothing remembered: REST-JSON polling (xds_protocol "REST-JSON polling
 * subscriptions").
 * @module
 */
import { allNames, type DiscoveryRequest } from "./discovery_request.ts";
import { setVersion } from "./encoded_resource.ts";
import type { Resource, TypeUrl } from "./resource.ts";
import { sumOf } from "./response_body.ts";
import { globPrefix, WILDCARD } from "./subscription.ts";
import { typePolicy } from "./type_url.ts";
import type { Verdicts } from "./verdicts.ts";
import type { ResourceView } from "./view.ts";

/** What a poll is answered with. */
export type FetchResult =
  | {
    /** The client has just this: HTTP status 304. */
    readonly kind: "unchanged";
    readonly versionInfo: string;
  }
  | {
    /**
     * None of the names exists. An empty response of a type whose responses are not whole sets
     * says nothing (xds_protocol "Deleting Resources"), and Envoy rejects one of secrets, runtime
     * layers and extension configs: who may, answers with HTTP status 304, as if unchanged.
     */
    readonly kind: "nothing";
    readonly versionInfo: string;
    /** Names that do not exist. */
    readonly missing: readonly string[];
  }
  | {
    /** What the client asked for. */
    readonly kind: "resources";
    readonly versionInfo: string;
    readonly resources: readonly Resource[];
    /** Names that do not exist. */
    readonly missing: readonly string[];
  };

/** What a poll is answered from. */
export interface FetchOptions {
  /** What the node sees. */
  readonly view: ResourceView;
  /** The type, which the path of the request tells. */
  readonly typeUrl: TypeUrl;
  /** Keeps rejected versions from being spread; none are when absent. */
  readonly verdicts?: Verdicts;
}

/**
 * Answers a poll. The version is a hash of the content that was asked for, so a client that sends
 * the same back has the same, whatever it asked for before.
 */
export function fetchResources(request: DiscoveryRequest, options: FetchOptions): FetchResult {
  const names = allNames(request.resourceNames, request.resourceLocators);
  const found = new Map<string, Resource>();
  const missing: string[] = [];
  for (const name of names.length > 0 ? names : implied(options.typeUrl)) {
    const resources = lookUp(options, name);
    if (resources.length === 0 && name !== WILDCARD) missing.push(name);
    for (const resource of resources) found.set(resource.name, resource);
  }
  const resources = [...found.values()];
  const versionInfo = versionOf(resources);
  if (request.versionInfo === versionInfo) return { kind: "unchanged", versionInfo };
  if (resources.length === 0 && missing.length > 0 && !typePolicy(options.typeUrl).fullState) {
    return { kind: "nothing", versionInfo, missing };
  }
  return { kind: "resources", versionInfo, resources, missing };
}

/** Returns the version of a set of resources: independent of order, equal on every replica. */
export function versionOf(resources: Iterable<Resource>): string {
  return setVersion(sumOf(resources));
}

function implied(typeUrl: TypeUrl): readonly string[] {
  return typePolicy(typeUrl).legacyWildcard ? [WILDCARD] : [];
}

function lookUp({ view, typeUrl, verdicts }: FetchOptions, name: string): readonly Resource[] {
  const prefix = globPrefix(name);
  const resource = view.get(typeUrl, name) ?? view.placeholder?.(typeUrl, name);
  const resources = name === WILDCARD
    ? view.list(typeUrl)
    : prefix !== undefined
    ? [...view.withPrefix(typeUrl, prefix)]
    : resource === undefined
    ? []
    : [resource];
  return resources.map((each) => verdicts?.substitute(each) ?? each);
}

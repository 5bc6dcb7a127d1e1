// SPDX-License-Identifier: Apache-2.0
/**
 * For tests of whoever serves xDS: resources with readable content, a decoder of responses, and a
 * client that behaves like an Envoy.
 * @module
 */
import type { Resource, ResourceKey, TypeUrl } from "./resource.ts";
import { TypeUrls } from "./type_url.ts";

export * from "./response_decoder.ts";
export * from "./scripted_client.ts";

/** Content of a {@linkcode testResource}. */
export interface TestResourceOptions {
  /** Any text; it is the version, too. @default "1" */
  readonly content?: string;
  /** What it names. @default none */
  readonly references?: readonly ResourceKey[];
  /** Its time to live. */
  readonly ttlMs?: number;
}

/** Returns a resource whose value is JSON of its content and references. */
export function testResource(
  typeUrl: TypeUrl,
  name: string,
  options: TestResourceOptions = {},
): Resource {
  const { content = "1", references = [], ttlMs } = options;
  const value = new TextEncoder().encode(JSON.stringify({ name, content, references }));
  return {
    typeUrl,
    name,
    version: content,
    value,
    references,
    ...ttlMs !== undefined && { ttlMs },
  };
}

/** Returns a cluster; with `endpoints`, one that takes them by that name from EDS. */
export function testCluster(name: string, content = "1", endpoints?: string): Resource {
  const references = endpoints === undefined
    ? []
    : [{ typeUrl: TypeUrls.endpoints, name: endpoints }];
  return testResource(TypeUrls.cluster, name, { content, references });
}

/** Returns a route configuration that names clusters. */
export function testRoute(name: string, content: string, clusters: readonly string[]): Resource {
  const references = clusters.map((cluster) => ({ typeUrl: TypeUrls.cluster, name: cluster }));
  return testResource(TypeUrls.route, name, { content, references });
}

/** Returns a listener that takes a route configuration from RDS. */
export function testListener(name: string, content: string, route?: string): Resource {
  const references = route === undefined ? [] : [{ typeUrl: TypeUrls.route, name: route }];
  return testResource(TypeUrls.listener, name, { content, references });
}

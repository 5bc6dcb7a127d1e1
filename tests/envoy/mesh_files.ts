// SPDX-License-Identifier: Apache-2.0
/**
 * The mesh that most scenes begin with: one listener whose routes lead to one cluster.
 * @module
 */
import type { XdsMode } from "../support/mod.ts";
import { cluster, endpoints, listener, rds, type Resource, routesTo } from "./resources.ts";

/** What such a mesh consists of. */
export interface SimpleMesh {
  /** How Envoy asks. */
  readonly mode: XdsMode;
  /** Where the listener `web` is. */
  readonly port: number;
  /** Name of the cluster. */
  readonly target: string;
  /** Port of its only endpoint. */
  readonly backend: number;
  /** Merged over the cluster. */
  readonly more?: Resource;
}

/** Returns the listener `web`, which asks for the routes `web-routes`. */
export function webListener({ mode, port }: Pick<SimpleMesh, "mode" | "port">): Resource {
  return listener("web", { port, manager: rds("web-routes", mode) });
}

/** Returns the resources by file: listener, routes, cluster and endpoints. */
export function simpleMesh(mesh: SimpleMesh): Readonly<Record<string, readonly Resource[]>> {
  const { mode, target, backend, more } = mesh;
  return {
    "listeners.yaml": [webListener(mesh)],
    "routes.yaml": [routesTo("web-routes", target)],
    "clusters.yaml": [cluster(target, mode, more)],
    "endpoints.yaml": [endpoints(target, backend)],
  };
}

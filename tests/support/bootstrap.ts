// SPDX-License-Identifier: Apache-2.0
/**
 * Bootstraps for test Envoys that hold nothing but the address of their management server.
 * @module
 */
import {
  configSource as sourceOf,
  createBootstrap,
  type XdsMode as DenvoyMode,
} from "@denvoy/cli/bootstrap";
import { parseAddress } from "@denvoy/runtime";

/** How an Envoy asks for its configuration. */
export type XdsMode = "ads-delta" | "ads-sotw" | "separate-delta" | "separate-sotw" | "rest";

/** What a bootstrap says. */
export interface BootstrapOptions {
  /** `host:port` of the gRPC server, or of the HTTP server when `mode` is `rest`. */
  readonly managementAddress: string;
  /** How Envoy asks. @default "ads-delta" */
  readonly mode?: XdsMode;
  /** Id of the node. @default "test-node" */
  readonly nodeId?: string;
  /** Cluster of the node. @default "test-cluster" */
  readonly nodeCluster?: string;
  /** Metadata of the node. */
  readonly nodeMetadata?: Readonly<Record<string, unknown>>;
  /** Locality of the node. */
  readonly locality?: Readonly<{ region?: string; zone?: string; sub_zone?: string }>;
  /** Merged over the top level of the bootstrap, for what a test wants besides. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** Envoy's bootstrap as JSON; its admin port is picked by the system. */
export type Bootstrap = Readonly<Record<string, unknown>>;

/** Returns a bootstrap whose listeners and clusters come from the management server. */
export function bootstrap(options: BootstrapOptions): Bootstrap {
  const { managementAddress, mode = "ads-delta", locality = {} } = options;
  const server = parseAddress(managementAddress, { lowestPort: 1 });
  if (server === undefined) throw new TypeError(`not an address: ${managementAddress}`);
  const { sub_zone: subZone, ...place } = locality;
  const made = createBootstrap({
    node: {
      id: options.nodeId ?? "test-node",
      cluster: options.nodeCluster ?? "test-cluster",
      metadata: options.nodeMetadata ?? {},
      locality: { ...place, ...(subZone !== undefined && { subZone }) },
    },
    servers: [server],
    mode: denvoyMode(mode),
    admin: { host: "127.0.0.1", port: 0 },
    refreshSeconds: REFRESH_SECONDS,
  });
  return { ...made, ...options.extra };
}

/**
 * Returns the ConfigSource by which a resource (the RDS of a listener, the EDS of a cluster) asks
 * for more in the same mode as the bootstrap.
 */
export function configSource(mode: XdsMode = "ads-delta"): Readonly<Record<string, unknown>> {
  return sourceOf(denvoyMode(mode), { refreshSeconds: REFRESH_SECONDS });
}

const REFRESH_SECONDS = 0.2;

function denvoyMode(mode: XdsMode): DenvoyMode {
  switch (mode) {
    case "ads-delta":
      return "delta";
    case "ads-sotw":
      return "sotw";
    default:
      return mode;
  }
}

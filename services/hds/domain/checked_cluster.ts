// SPDX-License-Identifier: Apache-2.0
/**
 * What is checked: clusters as Envoys are to probe them. Made by cluster_reader.ts, which refuses
 * what would harm an Envoy; all that is here is safe to send once its names are resolved.
 * @module
 */
import type { Cluster_TransportSocketMatch, HealthCheck, Struct } from "@denvoy/proto/messages";

/** Where something runs (config.core.v3.Locality); empty where unknown. */
export interface Locality {
  /** E.g. `eu-central-1`. */
  readonly region: string;
  /** E.g. `a`. */
  readonly zone: string;
  /** E.g. `rack-7`. */
  readonly subZone: string;
}

/** Another port, name or address that is probed in place of the endpoint's own. */
export interface ProbeOverride {
  /** Port; 0 for the endpoint's own. */
  readonly port: number;
  /** Host header and SNI; empty for the endpoint's own. */
  readonly hostname: string;
  /** IP address; empty for the endpoint's own. */
  readonly ip: string;
}

/** An endpoint that is probed. */
export interface CheckedEndpoint {
  /** `host:port` as its load assignment has it: its name in the API, and in verdicts. */
  readonly address: string;
  /** IP address or name as its load assignment has it. */
  readonly host: string;
  /** The address that Envoys are told, canonical; undefined while its name is not resolved. */
  readonly ip: string | undefined;
  /** Port, 1 to 65535. */
  readonly port: number;
  /** Host name for checks and SNI; empty for none. */
  readonly hostname: string;
  /** Which of its cluster's {@linkcode CheckedCluster.sockets} it is checked by. */
  readonly socket: number;
  /** What is probed in place of it. */
  readonly override: ProbeOverride | undefined;
  /** Where it runs. */
  readonly locality: Locality;
  /** Id of the node that it belongs to (metadata `denvoy`, field `node`); empty where not said. */
  readonly node: string;
}

/** How a cluster came to be checked. */
export type ClusterSource = "files" | "ads" | "api";

/** What an Envoy must be able to do to check a cluster; see prober.ts. */
export type Need = string;

/** A transport socket that endpoints are checked by. */
export interface CheckSocket {
  /** What a check without criteria of its own chooses it by; undefined where it needs none. */
  readonly criteria: Struct | undefined;
  /** Whether it is TLS that offers no protocol by ALPN. */
  readonly lacksAlpn: boolean;
}

/** A cluster with its checks; an endpoint is healthy when all of them pass. */
export interface CheckedCluster {
  /** Its name, unique; Envoys report by it. */
  readonly name: string;
  /** The load assignment that verdicts are for: EDS service name, else its name. */
  readonly service: string;
  /** Where it came from. */
  readonly source: ClusterSource;
  /** At least one; each complete but for the choice of a socket: see `sentChecks()`. */
  readonly checks: readonly HealthCheck[];
  /** At least one: first what endpoints have that are not matched, then those of its matches. */
  readonly sockets: readonly CheckSocket[];
  /** Transport sockets that checks choose from. */
  readonly transportSocketMatches: readonly Cluster_TransportSocketMatch[];
  /** What an Envoy must be able to do to check it. */
  readonly needs: ReadonlySet<Need>;
  /** How long the first probe of an endpoint may take, in milliseconds: jitter and timeout. */
  readonly firstProbeMs: number;
  /** Its endpoints, each address once. */
  readonly endpoints: readonly CheckedEndpoint[];
}

/** Endpoints of one socket and one check, which Envoys are told as a cluster of its own. */
export interface ReportedCluster {
  /** Its name. */
  readonly name: string;
  /** Which of the sockets. */
  readonly socket: number;
  /** Which of the checks. */
  readonly check: number;
}

/**
 * Returns as which clusters Envoys are told of a cluster: one for each of its checks, and sockets. Of
 * several checks in one cluster the last to change its mind decides in Envoy 1.40, so that an endpoint of
 * which one passes and one fails goes to and fro. For sockets see socket_choice.ts.
 */
export function reportedClusters(
  { name, checks, sockets }: Pick<CheckedCluster, "name" | "checks" | "sockets">,
): readonly ReportedCluster[] {
  return sockets.flatMap((_socket, socket) =>
    checks.map((_check, check) => {
      const ofSocket = socket === 0 ? "" : `~socket${socket + 1}`;
      const ofCheck = check === 0 ? "" : `~check${check + 1}`;
      return { name: `${name}${ofSocket}${ofCheck}`, socket, check };
    })
  );
}

/** Returns the cluster with the addresses that names stand for at present. */
export function withResolvedNames(
  cluster: CheckedCluster,
  names: ReadonlyMap<string, string>,
): CheckedCluster {
  if (cluster.endpoints.every(({ ip }) => ip !== undefined)) return cluster;
  const endpoints = cluster.endpoints.map((endpoint) =>
    endpoint.ip === undefined ? { ...endpoint, ip: names.get(endpoint.host) } : endpoint
  );
  return { ...cluster, endpoints };
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Makes what is checked out of Envoy's own Cluster resources, and refuses what would end the Envoy
 * that is sent it: endpoints without an address, named ports, addresses that are no IP address after
 * names are resolved, unknown checkers and transport sockets, and what else its validation rules miss.
 * @module
 */
import { messageCodec } from "@denvoy/proto";
import type {
  Any,
  Cluster,
  Cluster_TransportSocketMatch,
  ClusterLoadAssignment,
  HealthCheck,
  Struct,
} from "@denvoy/proto/messages";
import type { CheckedCluster, CheckSocket, ClusterSource, Need } from "./checked_cluster.ts";
import { readEndpoints } from "./endpoint_reader.ts";
import { harmInCheck } from "./check_rules.ts";
import {
  checkExtension,
  type ExtensionCheck,
  knownCheckers,
  knownTransportSockets,
} from "./extension_rules.ts";
import {
  type DefaultCheck,
  defaultHealthCheck,
  extensionNeed,
  firstProbeMs,
  needsOf,
  sentHealthCheck,
} from "./health_check.ts";
import type { EnvoyFact } from "./tls_rules.ts";

/** What is wrong with a cluster, and where in it. */
export interface ClusterProblem {
  /** Keys from the cluster to the value, in proto names. */
  readonly path: readonly (string | number)[];
  /** Action or rule, and current value. */
  readonly message: string;
}

/** What a cluster is read with. */
export interface ClusterReadOptions {
  /** Where it comes from. */
  readonly source: ClusterSource;
  /** The check of a cluster that has none. */
  readonly defaultCheck: DefaultCheck;
  /** More types of extensions that all Envoys here have. */
  readonly moreExtensions: readonly string[];
  /** What all Envoys here have. */
  readonly envoyFacts: ReadonlySet<EnvoyFact>;
  /** Its endpoints where they come by EDS; its own `load_assignment` where left out. */
  readonly assignment?: ClusterLoadAssignment;
}

/** A cluster, or all that is wrong with it. */
export type ClusterRead =
  | {
    /** It can be checked. */
    readonly kind: "checked";
    /** The cluster. */
    readonly cluster: CheckedCluster;
    /** Flaws that leave out parts of it. */
    readonly warnings: readonly ClusterProblem[];
  }
  | {
    /** It has no checks of its own and there are none by default. */
    readonly kind: "unchecked";
  }
  | {
    /** It would harm an Envoy. */
    readonly kind: "refused";
    /** At least one. */
    readonly problems: readonly ClusterProblem[];
  };

const clusterCodec = messageCodec("envoy.config.cluster.v3.Cluster");

/** Decodes a Cluster resource. @throws DecodeError */
export function decodeCluster(bytes: Uint8Array): Cluster {
  return clusterCodec.decode(bytes);
}

/** Returns the load assignment that a cluster's endpoints come from. */
export function serviceOf(cluster: Cluster): string {
  const named = cluster.edsClusterConfig?.serviceName || cluster.loadAssignment?.clusterName;
  return named || cluster.name;
}

/** Reads a cluster that satisfies Envoy's own validation rules. */
export function readCluster(cluster: Cluster, options: ClusterReadOptions): ClusterRead {
  const fallback = defaultHealthCheck(options.defaultCheck);
  const given = cluster.healthChecks.length > 0 || fallback === undefined
    ? cluster.healthChecks
    : [fallback];
  if (given.length === 0) return { kind: "unchecked" };
  const problems: ClusterProblem[] = [];
  const needs = new Set<Need>(given.flatMap(needsOf));
  const extensions = new ExtensionReader(options, { needs, problems });
  for (const [index, check] of given.entries()) {
    extensions.checker(check, index);
    for (const { path, message } of harmInCheck(check)) {
      problems.push({ path: ["health_checks", index, ...path], message });
    }
  }
  const sockets = readSockets(cluster, extensions);
  if (cluster.transportSocketMatcher !== undefined) problems.push(noMatcher);
  const assignment = options.assignment ?? cluster.loadAssignment;
  const { transportSocketMatches: matches } = cluster;
  const endpoints = readEndpoints(assignment, { matches, problems });
  if (problems.length > 0) return { kind: "refused", problems };
  const checks = given.map(sentHealthCheck);
  const { awaitsSecrets } = sockets;
  return {
    kind: "checked",
    warnings: endpoints.warnings,
    cluster: {
      name: cluster.name,
      service: serviceOf(cluster),
      source: options.source,
      checks,
      needs,
      transportSocketMatches: sockets.matches,
      sockets: sockets.sockets,
      firstProbeMs: Math.max(...checks.map((check) => firstProbeMs(check, { awaitsSecrets }))),
      endpoints: endpoints.endpoints,
    },
  };
}

/** Collects what extensions need and what is wrong with them. */
class ExtensionReader {
  readonly #options: ClusterReadOptions;
  readonly #needs: Set<Need>;
  readonly #problems: ClusterProblem[];

  constructor(
    options: ClusterReadOptions,
    { needs, problems }: { needs: Set<Need>; problems: ClusterProblem[] },
  ) {
    this.#options = options;
    this.#needs = needs;
    this.#problems = problems;
  }

  checker({ customHealthCheck: custom }: HealthCheck, index: number): void {
    if (custom === undefined) return;
    const what = `custom health check "${custom.name}"`;
    const path = ["health_checks", index, "custom_health_check"];
    this.#take(custom.typedConfig, { what, path, allowed: knownCheckers });
  }

  socket(
    socket: { readonly name: string; readonly typedConfig?: Any },
    path: ClusterProblem["path"],
  ): ExtensionCheck {
    const what = `transport socket "${socket.name}"`;
    return this.#take(socket.typedConfig, { what, path, allowed: knownTransportSockets });
  }

  #take(
    config: Any | undefined,
    { what, path, allowed }: Pick<ClusterProblem, "path"> & {
      readonly what: string;
      readonly allowed: readonly string[];
    },
  ): ExtensionCheck {
    const { moreExtensions, envoyFacts: facts } = this.#options;
    const found = checkExtension(config, { what, allowed: [...allowed, ...moreExtensions], facts });
    if (found.kind === "refused") {
      for (const problem of found.problems) {
        this.#problems.push({ path: [...path, ...problem.path], message: problem.message });
      }
    } else for (const type of found.types) this.#needs.add(extensionNeed(type));
    return found;
  }
}

interface Sockets {
  readonly matches: readonly Cluster_TransportSocketMatch[];
  readonly sockets: readonly CheckSocket[];
  /** Whether any of them waits for secrets of SDS. */
  readonly awaitsSecrets: boolean;
}

const noMatcher: ClusterProblem = {
  path: ["transport_socket_matcher"],
  message: "must not be set for checks, which cannot choose by it: take transport_socket_matches",
};

/** What chooses a cluster's own transport socket: health discovery knows none of clusters. */
const OWN_CRITERIA = { fields: { "denvoy.default": { boolValue: true } } };

function readSockets(
  { transportSocket, transportSocketMatches: given }: Cluster,
  extensions: ExtensionReader,
): Sockets {
  const found = given.map(({ transportSocket: socket }, index) => {
    const path = ["transport_socket_matches", index, "transport_socket"];
    return socket === undefined ? undefined : extensions.socket(socket, path);
  });
  const own = transportSocket && extensions.socket(transportSocket, ["transport_socket"]);
  const awaitsSecrets = [own, ...found].some((socket) =>
    socket?.kind === "ok" && socket.awaitsSecrets
  );
  const matched = given.map(({ match }, index) => checkSocket(found[index], match));
  const sockets = [checkSocket(own, transportSocket && OWN_CRITERIA), ...matched];
  if (transportSocket === undefined) return { matches: given, sockets, awaitsSecrets };
  const match = { name: "denvoy.default", match: OWN_CRITERIA, transportSocket };
  return { matches: [...given, match], sockets, awaitsSecrets };
}

/**
 * Health discovery offers no protocol by itself, as a cluster with traffic does: servers that insist on
 * ALPN would refuse HTTP/2.
 */
function checkSocket(
  found: ExtensionCheck | undefined,
  criteria: Struct | undefined,
): CheckSocket {
  return { criteria, lacksAlpn: found?.kind === "ok" && found.lacksAlpn };
}

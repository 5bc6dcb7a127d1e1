// SPDX-License-Identifier: Apache-2.0
/**
 * Clusters and endpoints of a control plane, read over xDS as any client would: CDS for clusters, EDS
 * for the endpoints of those that have them there. What cannot be checked is left out and logged, but
 * not rejected: Envoys may well use it. While the control plane is away, what it said stays.
 * @module
 */
import { type Clock, formatProblem, hasErrors, type Logger, type Timer } from "@denvoy/base";
import {
  connectXds,
  type CurrentTls,
  type XdsClient,
  type XdsSubscription,
} from "@denvoy/discovery";
import { messageCodec, messageFromBinary, validate } from "@denvoy/proto";
import type { Cluster, ClusterLoadAssignment } from "@denvoy/proto/messages";
import type { ComponentHealth } from "@denvoy/runtime";
import { TypeUrls } from "@denvoy/xds";
import type { CheckedCluster } from "../domain/checked_cluster.ts";
import { CLUSTER } from "../domain/cluster_document.ts";
import {
  type ClusterRead,
  type ClusterReadOptions,
  decodeCluster,
  readCluster,
  serviceOf,
} from "../domain/cluster_reader.ts";
import { type ServedHealth, servedHealths } from "../domain/endpoint_reader.ts";

/** What the source works with. */
export interface AdsSourceOptions {
  /** Servers as `host:port`, tried in turn. */
  readonly servers: readonly string[];
  /** Who hds says it is. */
  readonly node: { readonly id: string; readonly cluster: string };
  /** Keys; absent means cleartext. */
  readonly tls: CurrentTls | undefined;
  /** How clusters are read. */
  readonly read: ClusterReadOptions;
  /** Timers. */
  readonly clock: Clock;
  /** Where flaws are logged. */
  readonly logger: Logger;
  /** Told how the connection is. */
  readonly health: ComponentHealth;
  /** Takes all clusters, once they are complete, and whenever they change. */
  readonly onClusters: (clusters: ReadonlyMap<string, CheckedCluster>) => void;
  /** Is told what changed load assignments say of endpoints. */
  readonly onServed: (served: readonly ServedHealth[]) => void;
}

interface Known {
  readonly cluster: Cluster;
  readonly assignment: ClusterLoadAssignment | undefined;
  readonly checked: CheckedCluster | undefined;
}

const assignments = messageCodec("envoy.config.endpoint.v3.ClusterLoadAssignment");
/** What arrives together is taken together. */
const GATHER_MS = 20;
/** One connection is cheap, and what is checked should follow soon after a long absence. */
const BACKOFF = { initialMs: 500, maxMs: 5_000, factor: 2 };

/** Follows a control plane until it is disposed of. */
export class AdsSource implements AsyncDisposable {
  /** The connection, for metrics. */
  readonly client: XdsClient;
  readonly #options: AdsSourceOptions;
  readonly #clusters: XdsSubscription<Cluster>;
  readonly #endpoints: XdsSubscription<ClusterLoadAssignment>;
  /** Load assignments that the control plane does not have. */
  readonly #absent = new Set<string>();
  #known: ReadonlyMap<string, Known> = new Map();
  #timer: Timer | undefined;
  #complete = false;
  #closed = false;

  /** Connects. */
  constructor(options: AdsSourceOptions) {
    this.#options = options;
    const { servers, node, tls, clock, logger, health } = options;
    const tuning = { backoff: BACKOFF };
    this.client = connectXds({ servers, node, ...(tls && { tls }), tuning, clock, logger, health });
    this.#endpoints = this.client.subscribe(TypeUrls.endpoints, {
      names: [],
      decode: assignments.decode,
      changed: ({ resources }) => {
        for (const { name } of resources) this.#absent.delete(name);
        this.#options.onServed(resources.flatMap(({ message }) => servedHealths(message)));
        this.#schedule();
      },
      absent: (absences) => {
        for (const { name } of absences) this.#absent.add(name);
        this.#schedule();
      },
    });
    this.#clusters = this.client.subscribe(TypeUrls.cluster, {
      decode: decodeCluster,
      changed: () => this.#schedule(),
      synced: () => this.#schedule(),
    });
  }

  /** Ends the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.client.close();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = this.#options.clock.after(GATHER_MS, () => {
      this.#timer = undefined;
      this.#take();
    });
  }

  #take(): void {
    if (!this.#clusters.isSynced) return;
    const services = this.#edsNames();
    this.#endpoints.setNames(services);
    const missing = services.filter((name) => !this.#isAnswered(name));
    this.#complete ||= missing.length === 0;
    if (!this.#complete) return;
    this.#known = this.#readAll();
    const checked = [...this.#known].flatMap(([name, { checked }]) =>
      checked === undefined ? [] : [[name, checked] as const]
    );
    this.#options.onClusters(new Map(checked));
  }

  #edsNames(): readonly string[] {
    const names = new Set<string>();
    for (const { message } of this.#clusters.resources.values()) {
      if (hasEds(message)) names.add(serviceOf(message));
    }
    return [...names];
  }

  #isAnswered(name: string): boolean {
    return this.#endpoints.resources.has(name) || this.#absent.has(name);
  }

  #readAll(): ReadonlyMap<string, Known> {
    const known = new Map<string, Known>();
    for (const { name, value, message: cluster } of this.#clusters.resources.values()) {
      const assignment = hasEds(cluster)
        ? this.#endpoints.resources.get(serviceOf(cluster))?.message
        : undefined;
      const before = this.#known.get(name);
      const isSame = before?.cluster === cluster && before.assignment === assignment;
      const item = isSame ? before : this.#read({ cluster, assignment, value });
      known.set(name, item);
    }
    return known;
  }

  #read(
    { cluster, assignment, value }: Omit<Known, "checked"> & { readonly value: Uint8Array },
  ): Known {
    const { logger, read } = this.#options;
    const broken = validate(messageFromBinary(CLUSTER, value));
    if (hasErrors(broken)) {
      const problems = broken.map(formatProblem);
      logger.warn("cluster cannot be checked", { cluster: cluster.name, problems });
      return { cluster, assignment, checked: undefined };
    }
    const result = readCluster(cluster, { ...read, ...(assignment && { assignment }) });
    this.#log(cluster.name, result);
    return {
      cluster,
      assignment,
      checked: result.kind === "checked" ? result.cluster : undefined,
    };
  }

  #log(cluster: string, result: ClusterRead): void {
    const { logger } = this.#options;
    const said = result.kind === "refused"
      ? result.problems
      : result.kind === "checked"
      ? result.warnings
      : [];
    const problems = said.map(({ path, message }) => `${path.join(".")}: ${message}`);
    if (result.kind === "refused") logger.warn("cluster cannot be checked", { cluster, problems });
    else if (problems.length > 0) logger.warn("cluster has a flaw", { cluster, problems });
  }
}

function hasEds({ edsClusterConfig }: Cluster): boolean {
  return edsClusterConfig !== undefined;
}

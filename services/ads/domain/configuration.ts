// SPDX-License-Identifier: Apache-2.0
/**
 * All of the domain put together: what the service serves, from where it came, and everything that
 * may be done with it. Opened from a store, so that it begins where the last run ended.
 * @module
 */
import type { Clock } from "@denvoy/base";
import type { TypeUrl } from "@denvoy/xds";
import { Catalog } from "./catalog.ts";
import { ChangeLog } from "./change_log.ts";
import { ConfigurationWriter } from "./configuration_writer.ts";
import type { ConsistencyPolicy } from "./consistency.ts";
import { EndpointDirectory } from "./endpoint_directory.ts";
import { FileLayer } from "./file_layer.ts";
import { NodeViews } from "./node_views.ts";
import { Publisher } from "./publisher.ts";
import {
  defaultRegistrationLimits,
  type RegistrationLimits,
  Registrations,
} from "./registrations.ts";
import type { Replication } from "./replication.ts";
import { RolloutControl } from "./rollout_control.ts";
import { Rollouts } from "./rollouts.ts";
import type { ConfigurationStore } from "./store.ts";

/** How long after a start clients may come back that do not know what was removed before it. */
const LINGER_MS = 10 * 60_000;

/** What a configuration is opened with. */
export interface ConfigurationOptions {
  /** Where time comes from. */
  readonly clock: Clock;
  /** Where it is kept. */
  readonly store: ConfigurationStore;
  /** The other replicas, if there may be some; the store is this replica's copy then. */
  readonly replication?: Replication;
  /** The file or folder that files come from; empty when there is none. @default "" */
  readonly filesFrom?: string;
  /** What broken references in files do. Default `warn`. */
  readonly filePolicy?: ConsistencyPolicy;
  /** Types that something else serves beside the catalog; references to them may lead there. */
  readonly elsewhere?: readonly TypeUrl[];
  /** Bounds on registrations. */
  readonly limits?: RegistrationLimits;
}

/** The parts of an open configuration. */
export interface Configuration {
  /** What is served, by key. Read only. */
  readonly catalog: Catalog;
  /** What is served, by node. */
  readonly views: NodeViews;
  /** Tells what changed in which view. */
  readonly publisher: Publisher;
  /** Applies changes; goes back. */
  readonly writer: ConfigurationWriter;
  /** Takes over what files say. */
  readonly files: FileLayer;
  /** Endpoints that register themselves. */
  readonly endpoints: EndpointDirectory;
  /** Rollouts, for reading. */
  readonly rollouts: Rollouts;
  /** Rollouts, for leading. */
  readonly rolloutControl: RolloutControl;
  /** What happens, as it happens. */
  readonly log: ChangeLog;
  /** Where it is kept. */
  readonly store: ConfigurationStore;
  /**
   * Runs whatever may change something (`writer`, `files`, `endpoints`, `rolloutControl`): at once, or
   * with the consent of all replicas; then it may run more than once, and what it returned counts when
   * this resolves. Reading needs no such thing.
   */
  readonly submit: <T>(operation: () => T) => T | Promise<T>;
  /**
   * Does what is due: expires endpoints, decides rollouts. Call it about once a second; replicas do
   * nothing while they cannot hear of each other, as they could not know.
   */
  tick(): void | Promise<void>;
}

/**
 * Opens the configuration that a store holds. What the API wrote, registrations and rollouts are
 * served at once; the files follow through `files.replace` or `files.keepLast`, exactly one of which
 * must be called once at the start, also when there are no files.
 * @throws StatusError when the store cannot be read.
 */
export function openConfiguration(options: ConfigurationOptions): Configuration {
  const { clock, store, filePolicy = "warn", limits = defaultRegistrationLimits } = options;
  const { replication } = options;
  const { filesFrom = "", elsewhere = [] } = options;
  const stored = store.load();
  const openedMs = clock.monotonicMs();
  const catalog = new Catalog(elsewhere);
  const views = new NodeViews(catalog);
  const publisher = new Publisher(catalog, views);
  const log = new ChangeLog();
  const rollouts = new Rollouts();
  const parts = { clock, store, publisher, log, rollouts, ...(replication && { replication }) };
  const writer = new ConfigurationWriter(parts, stored.lastRevision);
  const registrations = new Registrations(limits);
  const endpoints = new EndpointDirectory({ ...parts, registrations });
  const rolloutControl = new RolloutControl({ ...parts, writer });
  const fileParts = { policy: filePolicy, filesFrom, shared: replication !== undefined };
  const files = new FileLayer({ ...parts, ...fileParts, writer }, stored);
  catalog.apply(stored.edits);
  endpoints.restore(stored.registrations);
  rolloutControl.restore(stored.rollouts);
  return {
    catalog,
    views,
    publisher,
    writer,
    files,
    endpoints,
    rollouts,
    rolloutControl,
    log,
    store,
    submit: (operation) => replication === undefined ? operation() : replication.submit(operation),
    tick() {
      if (clock.monotonicMs() - openedMs > LINGER_MS) catalog.setLingering([]);
      if (replication !== undefined) return tickReplica(replication, { endpoints, rolloutControl });
      endpoints.expire();
      rolloutControl.tick();
    },
  };
}

/** Whichever replica is first does what is due; to the others nothing is then. */
async function tickReplica(
  replication: Replication,
  { endpoints, rolloutControl }: Pick<Configuration, "endpoints" | "rolloutControl">,
): Promise<void> {
  if (!replication.available) return;
  await replication.submit(() => endpoints.expire());
  for (const id of rolloutControl.underWay()) {
    await replication.submit(() => rolloutControl.propose(id, [{ kind: "tick" }]));
  }
}

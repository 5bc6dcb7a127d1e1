// SPDX-License-Identifier: Apache-2.0
/**
 * The port to whatever keeps the configuration across restarts.
 * @module
 */
import type { Resource } from "@denvoy/xds";
import type { SlotEdit } from "./catalog.ts";
import type { HealthVerdict, Registration } from "./registration.ts";
import type { Revision, RevisionHead, SlotAt } from "./revision.ts";
import type { RolloutRecord } from "./rollouts.ts";

/** All that a store holds when the service starts. */
export interface StoredConfiguration {
  /** Entries of the API and pin layers. */
  readonly edits: readonly SlotEdit[];
  /** What each slot served after the newest revision. */
  readonly served: readonly SlotAt[];
  /** Registered endpoints. */
  readonly registrations: readonly Registration[];
  /** Rollouts, those under way and the latest settled ones, oldest first. */
  readonly rollouts: readonly RolloutRecord[];
  /** Id of the newest revision; 0 when there is none. */
  readonly lastRevision: number;
  /** The file or folder that files were last taken over from; empty when there was none. */
  readonly filesFrom: string;
}

/** What one change writes; all of it or nothing. */
export interface StoreBatch {
  /** A new revision; its `after` contents become what slots serve. */
  readonly revision?: Revision;
  /** Contents that the revision or a rollout names. */
  readonly contents?: readonly Resource[];
  /** Entries to put or (without entry) delete; layers other than `api` and `pin` are passed over. */
  readonly edits?: readonly SlotEdit[];
  /** See {@linkcode StoredConfiguration.filesFrom}. */
  readonly filesFrom?: string;
  /** Rollouts to put. */
  readonly rollouts?: readonly RolloutRecord[];
  /** Registrations to put. */
  readonly registered?: readonly Registration[];
  /** Registrations to delete. */
  readonly deregistered?: readonly Deregistration[];
  /** Verdicts to put, `unknown` to delete; only replicas share them. */
  readonly verdicts?: readonly HealthVerdict[];
  /** Registrations that were heard of; likewise. */
  readonly renewed?: readonly Omit<Deregistration, "expired">[];
}

/** A registration that goes. */
export interface Deregistration {
  /** Its cluster. */
  readonly cluster: string;
  /** Its id. */
  readonly id: string;
  /** It was not heard of in time. @default false */
  readonly expired?: boolean;
}

/**
 * What came of a commit: it is `kept`, and may be shown; or `proposed`, and nothing has changed yet:
 * whoever runs the operation sees to it that it is taken by all replicas, this one included.
 */
export type CommitResult = "kept" | "proposed";

/** Which revisions to list. */
export interface RevisionQuery {
  /** Only revisions with an id below. */
  readonly before?: number;
  /** Only revisions with an id above. */
  readonly after?: number;
  /** Only revisions that changed this resource. */
  readonly key?: { readonly typeUrl: string; readonly name: string };
  /** At most so many. */
  readonly limit: number;
}

/**
 * Keeps revisions and contents. Everything is synchronous: one process owns the store, or it is a
 * replica's copy of what all share.
 */
export interface ConfigurationStore {
  /** Returns all that outlived the last run. @throws StatusError when it cannot be read. */
  load(): StoredConfiguration;
  /** Writes a batch at once. @throws StatusError UNAVAILABLE when nothing was written. */
  commit(batch: StoreBatch): CommitResult;
  /** Returns heads of revisions with the number of their changes, newest first. */
  heads(query: RevisionQuery): readonly (RevisionHead & { readonly changeCount: number })[];
  /** Returns a revision; undefined when it never was or is no longer kept. */
  revision(id: number): Revision | undefined;
  /** Returns the oldest revision that is kept; 0 when there is none. */
  oldestRevision(): number;
  /** Returns the content that has this version, under `name`; undefined when it is not kept. */
  content(version: string, name: string): Resource | undefined;
  /** Lets go of whatever the store holds open. */
  close(): void;
}

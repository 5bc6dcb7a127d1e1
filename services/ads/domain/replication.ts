// SPDX-License-Identifier: Apache-2.0
/**
 * What replicas of ads share, and the port to whatever carries it between them. An operation is only
 * tried on a replica: what it would write goes to all of them as one commit, and each, also the one
 * that was asked, takes that commit in the order that all have agreed on.
 * @module
 */
import type { Resource } from "@denvoy/xds";
import type { SlotEdit } from "./catalog.ts";
import type { HealthVerdict, Registration } from "./registration.ts";
import type { Revision, SlotAt } from "./revision.ts";
import type { RolloutEvent } from "./rollout.ts";
import type { RolloutRecord } from "./rollouts.ts";

/** Carries changes to all replicas. */
export interface Replication {
  /**
   * Runs an operation that may commit once to the store; again, if another replica was faster, on what
   * that one did. Resolves to what it returned when all that it wrote is served here. Operations run
   * one after another.
   * @throws StatusError UNAVAILABLE when nothing can be written now, RESOURCE_EXHAUSTED when too many
   * wait; and whatever the operation throws.
   */
  submit<T>(operation: () => T): Promise<T>;
  /** Tells the others soon that an endpoint was heard of. @throws StatusError UNAVAILABLE */
  renewed(cluster: string, id: string): void;
  /** Takes soon what happened to a rollout at this replica. */
  heard(rollout: string, event: RolloutEvent): void;
  /** Whether replicas can hear of each other. */
  readonly available: boolean;
}

/** All that replicas share. */
export interface SharedState {
  /** Entries of the layers of files, of the API and of pins. */
  readonly edits: readonly SlotEdit[];
  /** What each slot serves, as the newest revision that changed it says. */
  readonly served: readonly SlotAt[];
  /** The revisions that are kept, oldest first. */
  readonly revisions: readonly Revision[];
  /** Contents that revisions name. */
  readonly contents: readonly Resource[];
  /** Registered endpoints. */
  readonly registrations: readonly Registration[];
  /** Verdicts in force. */
  readonly verdicts: readonly HealthVerdict[];
  /** Rollouts, the latest last. */
  readonly rollouts: readonly RolloutRecord[];
}

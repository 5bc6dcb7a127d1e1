// SPDX-License-Identifier: Apache-2.0
/**
 * Carries out what rollouts decide: shows a change to its audience first, hears what their nodes say,
 * and makes it a revision or takes it back.
 * @module
 */
import { type Clock, type Problem, StatusCode, StatusError } from "@denvoy/base";
import type { Resource } from "@denvoy/xds";
import type { SlotEdit } from "./catalog.ts";
import type { ChangeEvent, ChangeLog } from "./change_log.ts";
import type { ChangeOutcome, ChangeRequest, ConfigurationWriter } from "./configuration_writer.ts";
import type { NodeSelector } from "./node_selector.ts";
import type { Publisher } from "./publisher.ts";
import type { Replication } from "./replication.ts";
import type { RevisionChange } from "./revision.ts";
import {
  type AwaitedVersion,
  type RolloutEvent,
  type RolloutRules,
  startRollout,
  stepRollout,
} from "./rollout.ts";
import type { RolloutRecord, Rollouts } from "./rollouts.ts";
import type { ConfigurationStore } from "./store.ts";

/** What the control works with. */
export interface RolloutParts {
  /** Where time comes from. */
  readonly clock: Clock;
  /** The rollouts. */
  readonly rollouts: Rollouts;
  /** Who makes a revision of a change. */
  readonly writer: ConfigurationWriter;
  /** Where rollouts are written down. */
  readonly store: ConfigurationStore;
  /** Where canaries are shown. */
  readonly publisher: Publisher;
  /** Where decisions are told. */
  readonly log: ChangeLog;
  /**
   * The other replicas, if there may be some: what happens here goes to all of them then, and what
   * follows is only proposed to the store; it takes place in {@linkcode RolloutControl.adopt}.
   */
  readonly replication?: Replication;
}

/** How a change is to go out. */
export interface RolloutRequest {
  /** The nodes that go first. */
  readonly audience: NodeSelector;
  /** What must happen before the others. */
  readonly rules: RolloutRules;
}

/** What came of starting one: the rollout, or what the change itself comes to. */
export type RolloutOutcome =
  | Exclude<ChangeOutcome, { readonly kind: "applied" | "planned" }>
  | {
    readonly kind: "started";
    readonly rollout: RolloutRecord;
    readonly problems: readonly Problem[];
    readonly changes: readonly RevisionChange[];
  };

/** Edits that belong to changes of rollouts, and what to tell once they are shown. */
export interface AdoptedRollouts {
  /** For the catalog. */
  readonly edits: readonly SlotEdit[];
  /** For the log. */
  readonly events: readonly ChangeEvent[];
}

/** What a node did with resources. */
export interface Delivery {
  /** What happened. */
  readonly kind: "sent" | "acked" | "nacked";
  /** Id of the node. */
  readonly node: string;
  /** The resources, as they were sent. */
  readonly resources: readonly Resource[];
  /** The node's words, for a NACK. */
  readonly why?: string;
}

/** Starts rollouts and leads them to their end. */
export class RolloutControl {
  readonly #parts: RolloutParts;

  /** See {@linkcode RolloutParts}. */
  constructor(parts: RolloutParts) {
    this.#parts = parts;
  }

  /** Takes rollouts over from before a restart; those under way go on. */
  restore(records: readonly RolloutRecord[]): void {
    for (const record of records) this.#parts.rollouts.put(record);
    const edits = this.#parts.rollouts.active().flatMap(canaryEdits);
    const { publisher } = this.#parts;
    if (edits.length > 0) publisher.publish(publisher.catalog.apply(edits));
  }

  /** Shows a change of API entries to its audience, if it could be applied to all. */
  start(request: ChangeRequest, { audience, rules }: RolloutRequest): RolloutOutcome {
    const nowMs = this.#parts.clock.nowMs();
    const plan = this.#parts.writer.apply(request, { nowMs, dryRun: true });
    if (plan.kind === "applied") throw new TypeError("a dry run must not apply anything");
    if (plan.kind !== "planned") return plan;
    if (plan.changes.length === 0) return { ...plan, kind: "unchanged" };
    const rollout: RolloutRecord = {
      id: this.#nextId(),
      who: request.who,
      summary: request.summary,
      audience,
      edits: request.edits,
      state: startRollout(awaitedOf(plan.changes), { rules, nowMs }),
    };
    this.#show(rollout);
    return { kind: "started", rollout, problems: plan.problems, changes: plan.changes };
  }

  /** Hears what a node did with resources; costs nothing while no rollout is under way. */
  delivered({ kind, node, resources, why = "" }: Delivery): void {
    const { rollouts, publisher } = this.#parts;
    for (const resource of resources) {
      const rollout = rollouts.awaiting(resource);
      if (rollout === undefined) continue;
      const key = { typeUrl: resource.typeUrl, name: resource.name };
      const base = publisher.catalog.state(key)?.baseVersion(resource.version);
      const delivery = { node, key, version: base ?? resource.version };
      this.#hear(
        rollout.id,
        kind === "nacked" ? { kind, why, ...delivery } : { kind, ...delivery },
      );
    }
  }

  /** Hears that the last stream of a node has ended. */
  disconnected(node: string): void {
    for (const { id } of this.#parts.rollouts.active()) {
      this.#hear(id, { kind: "disconnected", node });
    }
  }

  /** Ids of the rollouts under way. */
  underWay(): readonly string[] {
    return this.#parts.rollouts.active().map(({ id }) => id);
  }

  /** Looks at the time. Call it about once a second. */
  tick(): void {
    for (const { id } of this.#parts.rollouts.active()) this.#step(id, { kind: "tick" });
  }

  /**
   * Decides by hand. Returns the rollout as it is now.
   * @throws StatusError NOT_FOUND, or FAILED_PRECONDITION when it is decided already.
   */
  decide(id: string, decision: { kind: "promote" | "abort"; who: string }): RolloutRecord {
    const record = this.#parts.rollouts.get(id);
    if (record === undefined) {
      throw new StatusError(StatusCode.NOT_FOUND, `there is no rollout "${id}"`);
    }
    if (record.state.status.kind !== "canary") {
      const message = `cannot ${decision.kind} rollout "${id}" as it is ` +
        `${record.state.status.kind} already`;
      throw new StatusError(StatusCode.FAILED_PRECONDITION, message);
    }
    if (this.#parts.replication === undefined) this.#step(id, decision);
    else this.propose(id, [decision]);
    return this.#parts.rollouts.get(id) ?? record;
  }

  /** Proposes to all replicas what follows from events of a rollout, if anything does. */
  propose(id: string, events: readonly RolloutEvent[]): void {
    const { rollouts, store, clock } = this.#parts;
    const nowMs = clock.nowMs();
    const before = rollouts.get(id);
    if (before === undefined) return;
    const state = events.reduce(
      (last, event) => stepRollout(last, { event, nowMs }),
      before.state,
    );
    if (state === before.state) return;
    const next = { ...before, state };
    if (state.status.kind === "promoted") this.#promote(next);
    else store.commit({ rollouts: [next] });
  }

  /** Takes over rollouts as a commit has them; returns what whoever calls is to show and tell. */
  adopt(records: readonly RolloutRecord[]): AdoptedRollouts {
    const { rollouts } = this.#parts;
    const edits: SlotEdit[] = [];
    const events: ChangeEvent[] = [];
    for (const record of records) {
      const { id, state: { status } } = record;
      const before = rollouts.get(id)?.state.status.kind;
      rollouts.put(record);
      const isActive = status.kind === "canary";
      // One that was settled before this replica knew of it is only remembered.
      if (before === status.kind || (before === undefined && !isActive)) continue;
      edits.push(...canaryEdits(record).map((edit) => isActive ? edit : withoutEntry(edit)));
      events.push({ kind: "rollout", id, status });
    }
    return { edits, events };
  }

  /** Takes over all rollouts that there are, in place of those known; as `adopt`. */
  replace(records: readonly RolloutRecord[]): AdoptedRollouts {
    const { rollouts } = this.#parts;
    const ended = rollouts.active().flatMap(canaryEdits).map(withoutEntry);
    rollouts.clear();
    const { edits, events } = this.adopt(records);
    return { edits: [...ended, ...edits], events };
  }

  /** Events from streams may come in the middle of a change; those of replicas are gathered. */
  #hear(id: string, event: RolloutEvent): void {
    const { replication } = this.#parts;
    if (replication === undefined) this.#step(id, event);
    else replication.heard(id, event);
  }

  #step(id: string, event: RolloutEvent): void {
    const next = this.#parts.rollouts.step(id, event, this.#parts.clock.nowMs());
    if (next === undefined) return;
    this.#parts.rollouts.put(next);
    if (next.state.status.kind !== "canary") {
      this.#parts.publisher.whenIdle(() => this.#settle(next));
    }
  }

  #settle(record: RolloutRecord): void {
    const { status } = record.state;
    if (status.kind === "promoted") this.#promote(record);
    else this.#end(record);
    const final = this.#parts.rollouts.get(record.id) ?? record;
    const event = { kind: "rollout", id: record.id, status: final.state.status } as const;
    this.#parts.log.add(event, this.#parts.clock.nowMs());
  }

  #promote(record: RolloutRecord): void {
    const { writer, rollouts, clock, replication } = this.#parts;
    const { who, summary, edits } = record;
    const outcome = writer.apply({ source: "rollout", who, summary, edits, policy: "warn" }, {
      nowMs: clock.nowMs(),
      rollout: record,
      alongside: canaryEdits(record).map(withoutEntry),
    });
    if (outcome.kind === "applied") {
      if (replication === undefined) rollouts.put({ ...record, revision: outcome.revision.id });
    } else if (outcome.kind !== "unchanged") {
      const why = outcome.problems.map(({ message }) => message).join("; ");
      const status = { kind: "reverted", why, atMs: clock.nowMs() } as const;
      this.#end({ ...record, state: { ...record.state, status } });
    }
  }

  #end(record: RolloutRecord): void {
    const { publisher, rollouts, store, replication } = this.#parts;
    if (replication !== undefined) return void store.commit({ rollouts: [record] });
    rollouts.put(record);
    publisher.publish(publisher.catalog.apply(canaryEdits(record).map(withoutEntry)));
    store.commit({ rollouts: [record] });
  }

  #show(rollout: RolloutRecord): void {
    const { publisher, rollouts, store, log, clock } = this.#parts;
    const kept = store.commit({ rollouts: [rollout], contents: contentsOf(rollout) });
    if (kept === "proposed") return;
    rollouts.put(rollout);
    log.add({ kind: "rollout", id: rollout.id, status: rollout.state.status }, clock.nowMs());
    publisher.publish(publisher.catalog.apply(canaryEdits(rollout)));
  }

  #nextId(): string {
    const numbers = this.#parts.rollouts.list().map(({ id }) => Number(id.split("-")[1] ?? 0));
    return `rollout-${Math.max(0, ...numbers) + 1}`;
  }
}

/** Versions that nodes are to ACK; of a key with several slots, that of the last one. */
function awaitedOf(changes: readonly RevisionChange[]): readonly AwaitedVersion[] {
  return changes.flatMap(({ key, after }) =>
    after?.version === undefined ? [] : [{ key, version: after.version }]
  );
}

function canaryEdits({ id, audience, edits }: RolloutRecord): readonly SlotEdit[] {
  return edits.flatMap((edit): SlotEdit[] => {
    if (edit.layer !== "api") return [];
    const { key, selector, entry } = edit;
    const resource = entry === undefined ? {} : { resource: entry.resource };
    return [{ key, selector, layer: "canary", entry: { rollout: id, audience, ...resource } }];
  });
}

function withoutEntry({ key, selector }: SlotEdit): SlotEdit {
  return { key, selector, layer: "canary", entry: undefined };
}

function contentsOf({ edits }: RolloutRecord): readonly Resource[] {
  return edits.flatMap((edit) => edit.layer === "api" && edit.entry ? [edit.entry.resource] : []);
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Endpoints that register themselves: what they say is written down, joined with the load assignment
 * of their cluster, and shown. They are kept apart from the configuration's history: a heartbeat or a
 * restart of an instance is no change that somebody would go back from.
 * @module
 */
import type { Clock } from "@denvoy/base";
import type { OverlayEdit } from "./catalog.ts";
import type { ChangeEvent, ChangeLog } from "./change_log.ts";
import type { Publisher } from "./publisher.ts";
import type { HealthVerdict, LiveRegistration, Registration } from "./registration.ts";
import type { RegistrationChange, Registrations } from "./registrations.ts";
import type { Replication, SharedState } from "./replication.ts";
import type { ConfigurationStore, StoreBatch } from "./store.ts";

/** What the directory works with. */
export interface DirectoryParts {
  /** Where time comes from. */
  readonly clock: Clock;
  /** The rules. */
  readonly registrations: Registrations;
  /** Where registrations are written down; heartbeats and verdicts are not. */
  readonly store: ConfigurationStore;
  /** Where changed load assignments are shown. */
  readonly publisher: Publisher;
  /** Where they are told. */
  readonly log: ChangeLog;
  /**
   * The other replicas, if there may be some: changes are only proposed to the store then, heartbeats
   * and verdicts, too, and take place in {@linkcode EndpointDirectory.adopt}.
   */
  readonly replication?: Replication;
}

/** Edits that belong to changes of endpoints, and what to tell once they are shown. */
export interface AdoptedEndpoints {
  /** For the catalog. */
  readonly edits: readonly OverlayEdit[];
  /** For the log. */
  readonly events: readonly ChangeEvent[];
}

/** Registers and forgets endpoints. */
export class EndpointDirectory {
  readonly #parts: DirectoryParts;

  /** See {@linkcode DirectoryParts}. */
  constructor(parts: DirectoryParts) {
    this.#parts = parts;
  }

  /** Takes over what was registered before a restart; each endpoint has its full TTL again. */
  restore(specs: readonly Registration[]): void {
    const { registrations, publisher, clock } = this.#parts;
    publisher.publish(publisher.catalog.apply(registrations.restore(specs, clock.nowMs())));
  }

  /**
   * Registers an endpoint or renews it.
   * @throws StatusError RESOURCE_EXHAUSTED when there are too many, UNAVAILABLE when it cannot be
   * written down; it serves then all the same, until a restart.
   */
  register(spec: Registration): LiveRegistration | undefined {
    const { registrations, clock, replication } = this.#parts;
    if (replication !== undefined) return this.#propose(spec);
    const change = registrations.put(spec, clock.nowMs());
    this.#show(change, "deregistered");
    this.#write(change);
    return registrations.get(spec.cluster, spec.id);
  }

  /** Lets an endpoint live for another TTL; undefined when it is not registered. */
  heartbeat(cluster: string, id: string): LiveRegistration | undefined {
    const { registrations, replication, clock } = this.#parts;
    if (registrations.get(cluster, id) !== undefined) replication?.renewed(cluster, id);
    return registrations.heartbeat(cluster, id, clock.nowMs());
  }

  /** Forgets an endpoint; false when it is not registered. */
  deregister(cluster: string, id: string): boolean {
    const { registrations, store, replication } = this.#parts;
    if (replication !== undefined) {
      if (registrations.get(cluster, id) === undefined) return false;
      store.commit({ deregistered: [{ cluster, id }] });
      return true;
    }
    const change = registrations.remove(cluster, id);
    if (change === undefined) return false;
    this.#show(change, "deregistered");
    this.#write(change);
    return true;
  }

  /** Takes over verdicts of health checkers. @throws StatusError RESOURCE_EXHAUSTED */
  setHealth(verdicts: readonly HealthVerdict[]): void {
    const { registrations, publisher, store, replication, clock } = this.#parts;
    if (replication !== undefined) {
      registrations.checkHealth(verdicts);
      store.commit({ verdicts });
      return;
    }
    const { edits, changed } = registrations.setHealth(verdicts, clock.nowMs());
    if (edits.length === 0) return;
    publisher.publish(publisher.catalog.apply(edits));
    this.tell(changed.map(healthEvent));
  }

  /** Forgets what was not heard of in time; returns how many endpoints that were. */
  expire(): number {
    const { registrations, replication, clock } = this.#parts;
    if (replication !== undefined) return this.#proposeEnd();
    const change = registrations.expire(clock.nowMs());
    if (change.edits.length === 0) return 0;
    this.#show(change, "expired");
    this.#write(change);
    return change.removed.length;
  }

  /** Takes over what a commit says of endpoints; whoever calls shows the edits and tells the events. */
  adopt(
    { registered = [], deregistered = [], renewed = [], verdicts = [] }: StoreBatch,
  ): AdoptedEndpoints {
    const { registrations, clock } = this.#parts;
    const nowMs = clock.nowMs();
    const edits = new Map<string, OverlayEdit>();
    const keep = (all: readonly OverlayEdit[]) => {
      for (const edit of all) edits.set(edit.key.name, edit);
    };
    const events: ChangeEvent[] = [];
    for (const { cluster, id, expired = false } of deregistered) {
      keep(registrations.remove(cluster, id)?.edits ?? []);
      events.push({ kind: "endpoint", what: expired ? "expired" : "deregistered", cluster, id });
    }
    for (const spec of registered) {
      const { edits: changed, stored } = registrations.put(spec, nowMs);
      keep(changed);
      for (const { cluster, id } of stored) {
        events.push({ kind: "endpoint", what: "registered", cluster, id });
      }
    }
    for (const { cluster, id } of renewed) registrations.heartbeat(cluster, id, nowMs);
    const health = registrations.takeHealth(verdicts, nowMs);
    keep(health.edits);
    return { edits: [...edits.values()], events: [...events, ...health.changed.map(healthEvent)] };
  }

  /** Returns what must be adopted for these endpoints and verdicts to be all that there are. */
  differenceTo({ registrations: wanted, verdicts }: SharedState): StoreBatch {
    const { registrations, clock } = this.#parts;
    const ids = new Set(wanted.map(endpointText));
    const sockets = new Set(verdicts.map(verdictText));
    return {
      registered: wanted,
      deregistered: [...registrations.list()].filter((live) => !ids.has(endpointText(live))),
      verdicts: [
        ...[...registrations.verdicts(clock.nowMs())]
          .filter((verdict) => !sockets.has(verdictText(verdict)))
          .map((verdict): HealthVerdict => ({ ...verdict, health: "unknown" })),
        ...verdicts,
      ],
    };
  }

  /** Returns the verdicts in force, each with the time that is left to it. */
  verdicts(): Iterable<HealthVerdict> {
    return this.#parts.registrations.verdicts(this.#parts.clock.nowMs());
  }

  /** Tells what has happened. */
  tell(events: readonly ChangeEvent[]): void {
    const nowMs = this.#parts.clock.nowMs();
    for (const event of events) this.#parts.log.add(event, nowMs);
  }

  /** Returns one endpoint. */
  get(cluster: string, id: string): LiveRegistration | undefined {
    return this.#parts.registrations.get(cluster, id);
  }

  /** Returns the endpoints of a cluster, or all. */
  list(cluster?: string): Iterable<LiveRegistration> {
    return this.#parts.registrations.list(cluster);
  }

  /** How many endpoints are registered. */
  get size(): number {
    return this.#parts.registrations.size;
  }

  #propose(spec: Registration): LiveRegistration | undefined {
    const { registrations, store } = this.#parts;
    const evicted = registrations.evictedBy(spec);
    if (evicted === undefined) return this.heartbeat(spec.cluster, spec.id);
    store.commit({ registered: [spec], deregistered: evicted });
    return registrations.get(spec.cluster, spec.id);
  }

  #proposeEnd(): number {
    const { registrations, store, clock } = this.#parts;
    const overdue = registrations.overdue(clock.nowMs());
    const deregistered = overdue.registrations
      .map(({ cluster, id }) => ({ cluster, id, expired: true }));
    const verdicts = overdue.verdicts
      .map((verdict): HealthVerdict => ({ ...verdict, health: "unknown" }));
    if (deregistered.length + verdicts.length > 0) store.commit({ deregistered, verdicts });
    return deregistered.length;
  }

  #show(change: RegistrationChange, gone: "deregistered" | "expired"): void {
    const { publisher } = this.#parts;
    if (change.edits.length > 0) publisher.publish(publisher.catalog.apply(change.edits));
    this.tell([
      ...change.removed.map(({ cluster, id }): ChangeEvent => (
        { kind: "endpoint", what: gone, cluster, id }
      )),
      ...change.stored.map(({ cluster, id }): ChangeEvent => (
        { kind: "endpoint", what: "registered", cluster, id }
      )),
    ]);
  }

  #write({ stored, removed }: RegistrationChange): void {
    if (stored.length + removed.length === 0) return;
    this.#parts.store.commit({ registered: stored, deregistered: removed });
  }
}

function healthEvent({ cluster, address, port, health }: HealthVerdict): ChangeEvent {
  return { kind: "health", cluster, socket: `${address}:${port}`, health };
}

function endpointText({ cluster, id }: Pick<Registration, "cluster" | "id">): string {
  return JSON.stringify([cluster, id]);
}

function verdictText({ cluster, address, port }: HealthVerdict): string {
  return JSON.stringify([cluster, address, port]);
}

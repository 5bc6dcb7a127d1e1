// SPDX-License-Identifier: Apache-2.0
/**
 * Endpoints that register themselves: what they say is written down, joined with the load assignment
 * of their cluster, and shown. They are kept apart from the configuration's history: a heartbeat or a
 * restart of an instance is no change that somebody would go back from.
 * @module
 */
import type { Clock } from "@denvoy/base";
import type { ChangeEvent, ChangeLog } from "./change_log.ts";
import type { Publisher } from "./publisher.ts";
import type { HealthVerdict, LiveRegistration, Registration } from "./registration.ts";
import type { RegistrationChange, Registrations } from "./registrations.ts";
import type { ConfigurationStore } from "./store.ts";

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
    const { registrations, clock } = this.#parts;
    const change = registrations.put(spec, clock.nowMs());
    this.#show(change, "deregistered");
    this.#write(change);
    return registrations.get(spec.cluster, spec.id);
  }

  /** Lets an endpoint live for another TTL; undefined when it is not registered. */
  heartbeat(cluster: string, id: string): LiveRegistration | undefined {
    return this.#parts.registrations.heartbeat(cluster, id, this.#parts.clock.nowMs());
  }

  /** Forgets an endpoint; false when it is not registered. */
  deregister(cluster: string, id: string): boolean {
    const change = this.#parts.registrations.remove(cluster, id);
    if (change === undefined) return false;
    this.#show(change, "deregistered");
    this.#write(change);
    return true;
  }

  /** Takes over verdicts of health checkers. @throws StatusError RESOURCE_EXHAUSTED */
  setHealth(verdicts: readonly HealthVerdict[]): void {
    const { registrations, publisher, log, clock } = this.#parts;
    const nowMs = clock.nowMs();
    const { edits, changed } = registrations.setHealth(verdicts, nowMs);
    if (edits.length === 0) return;
    publisher.publish(publisher.catalog.apply(edits));
    for (const { cluster, address, port, health } of changed) {
      log.add({ kind: "health", cluster, socket: `${address}:${port}`, health }, nowMs);
    }
  }

  /** Forgets what was not heard of in time; returns how many endpoints that were. */
  expire(): number {
    const change = this.#parts.registrations.expire(this.#parts.clock.nowMs());
    if (change.edits.length === 0) return 0;
    this.#show(change, "expired");
    this.#write(change);
    return change.removed.length;
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

  #show(change: RegistrationChange, gone: "deregistered" | "expired"): void {
    const { publisher, log, clock } = this.#parts;
    if (change.edits.length > 0) publisher.publish(publisher.catalog.apply(change.edits));
    const nowMs = clock.nowMs();
    const events: ChangeEvent[] = [
      ...change.removed.map(({ cluster, id }): ChangeEvent => (
        { kind: "endpoint", what: gone, cluster, id }
      )),
      ...change.stored.map(({ cluster, id }): ChangeEvent => (
        { kind: "endpoint", what: "registered", cluster, id }
      )),
    ];
    for (const event of events) log.add(event, nowMs);
  }

  #write({ stored, removed }: RegistrationChange): void {
    if (stored.length + removed.length === 0) return;
    this.#parts.store.commit({ registered: stored, deregistered: removed });
  }
}

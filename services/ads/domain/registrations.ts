// SPDX-License-Identifier: Apache-2.0
/**
 * Endpoints that register themselves, live as long as they say so, and leave. Also what health
 * checkers say of endpoints, registered or not. Each call touches one cluster's load assignment and
 * encodes only the endpoint in hand.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import type { OverlayEdit } from "./catalog.ts";
import type { EncodedEndpoint, EndpointOverlay } from "./endpoint_overlay.ts";
import {
  encodeRegistration,
  type EndpointHealth,
  healthNumbers,
  type HealthVerdict,
  type LiveRegistration,
  type Overdue,
  type Registration,
  socketText,
  verdictOn,
} from "./registration.ts";
import { LOAD_ASSIGNMENT } from "./resource_types.ts";

/** What a call has changed. */
export interface RegistrationChange {
  /** For the catalog; empty when no load assignment changed. */
  readonly edits: readonly OverlayEdit[];
  /** Registrations that are new or differ from before. */
  readonly stored: readonly LiveRegistration[];
  /** Registrations that are gone. */
  readonly removed: readonly LiveRegistration[];
}

/** What verdicts have changed. */
export interface HealthChange {
  /** For the catalog; one for each cluster. */
  readonly edits: readonly OverlayEdit[];
  /** The verdicts that differ from those before. */
  readonly changed: readonly HealthVerdict[];
}

/** Bounds on what callers may pile up. */
export interface RegistrationLimits {
  /** Registered endpoints in all clusters. */
  readonly maxRegistrations: number;
  /** Verdicts in force in all clusters. */
  readonly maxVerdicts: number;
}

/** Limits when none are set. */
export const defaultRegistrationLimits: RegistrationLimits = {
  maxRegistrations: 200_000,
  maxVerdicts: 500_000,
};

interface Entry {
  spec: Registration;
  registeredAtMs: number;
  expiresAtMs: number;
  encoded: EncodedEndpoint;
}

interface Verdict {
  readonly health: EndpointHealth;
  expiresAtMs: number;
}

interface Cluster {
  readonly name: string;
  readonly entries: Map<string, Entry>;
  /** Ids by `address:port`. */
  readonly sockets: Map<string, string>;
  readonly verdicts: Map<string, Verdict>;
  /** The second in which it is looked at next; nothing of it expires before. */
  dueSecond: number;
}

const SWEEP_STEP_MS = 1000;
/** A longer time between two sweeps is a time in which the process did nothing else either. */
const MAX_SWEEP_GAP_MS = 3000;
const nothing: RegistrationChange = { edits: [], stored: [], removed: [] };

/** All registrations and verdicts. Time comes in; nothing happens by itself. */
export class Registrations {
  readonly #clusters = new Map<string, Cluster>();
  /** Clusters to look at, by the second in which something of them may expire. */
  readonly #due = new Map<number, Set<string>>();
  readonly #limits: RegistrationLimits;
  #sweptTo: number | undefined;
  #sweptAtMs: number | undefined;
  #registrations = 0;
  #verdicts = 0;

  /** Starts empty. */
  constructor(limits: RegistrationLimits = defaultRegistrationLimits) {
    this.#limits = limits;
  }

  /** How many endpoints are registered. */
  get size(): number {
    return this.#registrations;
  }

  /**
   * Registers an endpoint, or replaces the one of the same id. An endpoint of another id with the
   * same address and port makes way: the address has been given to somebody else.
   * @throws StatusError RESOURCE_EXHAUSTED when there are too many.
   */
  put(spec: Registration, nowMs: number): RegistrationChange {
    const old = this.#clusters.get(spec.cluster)?.entries.get(spec.id);
    if (old === undefined) this.#checkRoom();
    const encoded = encodeRegistration(spec);
    const cluster = this.#cluster(spec.cluster);
    const holder = cluster.sockets.get(encoded.socket);
    const evicted = holder !== undefined && holder !== spec.id ? this.#drop(cluster, holder) : [];
    if (old !== undefined) cluster.sockets.delete(old.encoded.socket);
    else this.#registrations++;
    const entry: Entry = {
      spec,
      encoded,
      registeredAtMs: old?.registeredAtMs ?? nowMs,
      expiresAtMs: nowMs + spec.ttlMs,
    };
    cluster.entries.set(spec.id, entry);
    cluster.sockets.set(encoded.socket, spec.id);
    this.#expect(cluster, entry.expiresAtMs);
    const same = old !== undefined && evicted.length === 0 && sameSpec(old.spec, spec);
    if (same) return nothing;
    return { edits: [this.#edit(cluster)], stored: [live(cluster, entry)], removed: evicted };
  }

  /**
   * Returns whom `put` would make go, without doing it; undefined when it would only renew.
   * @throws StatusError as `put` does.
   */
  evictedBy(spec: Registration): readonly LiveRegistration[] | undefined {
    const cluster = this.#clusters.get(spec.cluster);
    const old = cluster?.entries.get(spec.id);
    if (old === undefined) this.#checkRoom();
    const holder = cluster?.sockets.get(socketText(spec));
    const evicted = holder === undefined || holder === spec.id
      ? undefined
      : this.get(spec.cluster, holder);
    if (evicted !== undefined) return [evicted];
    return old !== undefined && sameSpec(old.spec, spec) ? undefined : [];
  }

  /** Takes registrations over from a store: each lives for its full TTL from now on. */
  restore(specs: readonly Registration[], nowMs: number): readonly OverlayEdit[] {
    const names = new Set<string>();
    for (const spec of specs) {
      this.put(spec, nowMs);
      names.add(spec.cluster);
    }
    return [...names].map((name) => this.#edit(this.#cluster(name)));
  }

  /** Lets an endpoint live for another TTL; undefined when there is no such endpoint. */
  heartbeat(cluster: string, id: string, nowMs: number): LiveRegistration | undefined {
    const found = this.#clusters.get(cluster);
    const entry = found?.entries.get(id);
    if (found === undefined || entry === undefined) return undefined;
    entry.expiresAtMs = nowMs + entry.spec.ttlMs;
    return live(found, entry);
  }

  /** Removes an endpoint; undefined when there is no such endpoint. */
  remove(cluster: string, id: string): RegistrationChange | undefined {
    const found = this.#clusters.get(cluster);
    if (found === undefined || !found.entries.has(id)) return undefined;
    const removed = this.#drop(found, id);
    return { edits: [this.#edit(found)], stored: [], removed };
  }

  /**
   * Takes over what health checkers say. Costs one joining per cluster, however many endpoints of it
   * are named, and none when nothing differs from what was said before.
   * @throws StatusError RESOURCE_EXHAUSTED when there are too many; nothing is taken over then.
   */
  setHealth(verdicts: readonly HealthVerdict[], nowMs: number): HealthChange {
    this.checkHealth(verdicts);
    return this.takeHealth(verdicts, nowMs);
  }

  /** Does the same, however many there are: others have agreed to them. */
  takeHealth(verdicts: readonly HealthVerdict[], nowMs: number): HealthChange {
    const clusters = new Set<Cluster>();
    const changed: HealthVerdict[] = [];
    for (const verdict of verdicts) {
      const known = this.#clusters.get(verdict.cluster);
      if (known === undefined && verdict.health === "unknown") continue;
      const cluster = known ?? this.#cluster(verdict.cluster);
      if (!this.#setVerdict(cluster, verdict, nowMs)) continue;
      clusters.add(cluster);
      changed.push(verdict);
    }
    return { edits: [...clusters].map((cluster) => this.#edit(cluster)), changed };
  }

  /** Checks that verdicts may be taken over. @throws StatusError RESOURCE_EXHAUSTED */
  checkHealth(verdicts: readonly HealthVerdict[]): void {
    if (this.#verdicts + verdicts.length <= this.#limits.maxVerdicts) return;
    throw tooMany("take verdicts", this.#limits.maxVerdicts);
  }

  /** Returns the verdicts in force, each with the time that is left to it. */
  *verdicts(nowMs: number): Generator<HealthVerdict> {
    for (const { name, verdicts } of this.#clusters.values()) {
      for (const [socket, { health, expiresAtMs }] of verdicts) {
        yield verdictOn(name, { socket, health, ttlMs: Math.max(1, expiresAtMs - nowMs) });
      }
    }
  }

  /** Returns what `expire` would remove, without doing it; call it as often. */
  overdue(nowMs: number): Overdue {
    this.#forgive(nowMs);
    const registrations: LiveRegistration[] = [];
    const verdicts: HealthVerdict[] = [];
    for (const cluster of this.#dueClusters(nowMs)) {
      for (const entry of cluster.entries.values()) {
        if (entry.expiresAtMs <= nowMs) registrations.push(live(cluster, entry));
      }
      for (const [socket, { health, expiresAtMs }] of cluster.verdicts) {
        if (expiresAtMs > nowMs) continue;
        verdicts.push(verdictOn(cluster.name, { socket, health, ttlMs: 0 }));
      }
      this.#expectNext(cluster);
    }
    return { registrations, verdicts };
  }

  /**
   * Removes what has not been heard of in time. Call it about once a second: time in which nobody
   * called was time in which nobody could be heard, and is added to everybody's.
   */
  expire(nowMs: number): RegistrationChange {
    this.#forgive(nowMs);
    const edits: OverlayEdit[] = [];
    const removed: LiveRegistration[] = [];
    for (const cluster of this.#dueClusters(nowMs)) {
      const gone = [...cluster.entries.values()].filter((entry) => entry.expiresAtMs <= nowMs);
      for (const entry of gone) removed.push(...this.#drop(cluster, entry.spec.id));
      const stale = [...cluster.verdicts].filter(([, { expiresAtMs }]) => expiresAtMs <= nowMs);
      for (const [socket] of stale) this.#dropVerdict(cluster, socket);
      this.#expectNext(cluster);
      if (gone.length + stale.length > 0) edits.push(this.#edit(cluster));
    }
    return edits.length === 0 ? nothing : { edits, stored: [], removed };
  }

  /** Returns one registration. */
  get(cluster: string, id: string): LiveRegistration | undefined {
    const found = this.#clusters.get(cluster);
    const entry = found?.entries.get(id);
    return found === undefined || entry === undefined ? undefined : live(found, entry);
  }

  /** Returns the registrations of a cluster, or of all. */
  *list(cluster?: string): Generator<LiveRegistration> {
    const found = cluster === undefined ? this.#clusters.values() : [this.#clusters.get(cluster)];
    for (const item of found) {
      for (const entry of item?.entries.values() ?? []) if (item) yield live(item, entry);
    }
  }

  #cluster(name: string): Cluster {
    const known = this.#clusters.get(name);
    if (known !== undefined) return known;
    const cluster: Cluster = {
      name,
      entries: new Map(),
      sockets: new Map(),
      verdicts: new Map(),
      dueSecond: Infinity,
    };
    this.#clusters.set(name, cluster);
    return cluster;
  }

  #drop(cluster: Cluster, id: string): readonly LiveRegistration[] {
    const entry = cluster.entries.get(id);
    if (entry === undefined) return [];
    const removed = live(cluster, entry);
    cluster.entries.delete(id);
    cluster.sockets.delete(entry.encoded.socket);
    this.#registrations--;
    return [removed];
  }

  #setVerdict(cluster: Cluster, verdict: HealthVerdict, nowMs: number): boolean {
    const socket = socketText(verdict);
    const old = cluster.verdicts.get(socket);
    if (verdict.health === "unknown") return this.#dropVerdict(cluster, socket);
    const expiresAtMs = nowMs + verdict.ttlMs;
    cluster.verdicts.set(socket, { health: verdict.health, expiresAtMs });
    if (old === undefined) this.#verdicts++;
    this.#expect(cluster, expiresAtMs);
    return old?.health !== verdict.health;
  }

  #dropVerdict(cluster: Cluster, socket: string): boolean {
    if (!cluster.verdicts.delete(socket)) return false;
    this.#verdicts--;
    return true;
  }

  #edit(cluster: Cluster): OverlayEdit {
    const empty = cluster.entries.size + cluster.verdicts.size === 0;
    if (empty) this.#clusters.delete(cluster.name);
    const entry = empty ? undefined : overlayOf(cluster);
    return { key: { typeUrl: LOAD_ASSIGNMENT, name: cluster.name }, layer: "overlay", entry };
  }

  #checkRoom(): void {
    if (this.#registrations < this.#limits.maxRegistrations) return;
    throw tooMany("register endpoint", this.#limits.maxRegistrations);
  }

  /** The process was stopped, or too busy to read heartbeats. */
  #forgive(nowMs: number): void {
    const sinceMs = nowMs - (this.#sweptAtMs ?? nowMs);
    this.#sweptAtMs = nowMs;
    if (sinceMs <= MAX_SWEEP_GAP_MS) return;
    for (const cluster of this.#clusters.values()) {
      for (const entry of cluster.entries.values()) entry.expiresAtMs += sinceMs;
      for (const verdict of cluster.verdicts.values()) verdict.expiresAtMs += sinceMs;
    }
  }

  #expect(cluster: Cluster, atMs: number): void {
    // What is overdue already is looked at with the next sweep.
    const second = Math.max(Math.ceil(atMs / SWEEP_STEP_MS), (this.#sweptTo ?? -Infinity) + 1);
    if (second >= cluster.dueSecond) return;
    cluster.dueSecond = second;
    const names = this.#due.get(second) ?? new Set<string>();
    this.#due.set(second, names.add(cluster.name));
  }

  #expectNext(cluster: Cluster): void {
    let next = Infinity;
    cluster.dueSecond = Infinity;
    for (const { expiresAtMs } of cluster.entries.values()) next = Math.min(next, expiresAtMs);
    for (const { expiresAtMs } of cluster.verdicts.values()) next = Math.min(next, expiresAtMs);
    if (next < Infinity) this.#expect(cluster, next);
  }

  #dueClusters(nowMs: number): Set<Cluster> {
    const now = Math.floor(nowMs / SWEEP_STEP_MS);
    // A clock that leapt, or the first sweep: look at every second that holds something.
    const from = this.#sweptTo ?? -Infinity;
    const seconds = now - from > this.#due.size
      ? [...this.#due.keys()].filter((second) => second <= now)
      : Array.from({ length: Math.max(0, now - from) }, (_, index) => from + 1 + index);
    this.#sweptTo = now;
    const clusters = new Set<Cluster>();
    for (const second of seconds) {
      for (const name of this.#due.get(second) ?? []) {
        const cluster = this.#clusters.get(name);
        if (cluster !== undefined) clusters.add(cluster);
      }
      this.#due.delete(second);
    }
    return clusters;
  }
}

function live(cluster: Cluster, entry: Entry): LiveRegistration {
  const verdict = cluster.verdicts.get(entry.encoded.socket)?.health;
  return {
    ...entry.spec,
    registeredAtMs: entry.registeredAtMs,
    expiresAtMs: entry.expiresAtMs,
    ...(verdict === undefined ? {} : { verdict }),
  };
}

function overlayOf(cluster: Cluster): EndpointOverlay {
  const endpoints = [...cluster.entries.values()].map(({ encoded }) => encoded)
    .sort((a, b) => a.id < b.id ? -1 : 1);
  const verdicts = [...cluster.verdicts].map(([socket, { health }]) =>
    [socket, healthNumbers[health]] as const
  );
  return { name: cluster.name, endpoints, verdicts: new Map(verdicts) };
}

function sameSpec(a: Registration, b: Registration): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function tooMany(action: string, limit: number): StatusError {
  const message = `cannot ${action} as at most ${limit} are kept: raise the limit or remove some`;
  return new StatusError(StatusCode.RESOURCE_EXHAUSTED, message);
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The Envoys that probe: who is connected, who is believed to come back at once, what each is sent.
 * Changes of clusters and Envoys are put together for a moment before anything is assigned anew, as
 * fleets come and go in herds: Envoy 1.40 reconnects within a second.
 * @module
 */
import type { Clock, Logger, Timer } from "@denvoy/base";
import type { Capability, Node } from "@denvoy/proto/messages";
import {
  assign,
  type Assignment,
  type AssignmentPolicy,
  noAssignment,
} from "./domain/assignment.ts";
import type { CheckedCluster } from "./domain/checked_cluster.ts";
import { bounded, type Prober, readProber } from "./domain/prober.ts";
import { SpecifierWriter } from "./domain/specifier.ts";
import { silenceMs, type VerdictSettings } from "./domain/verdict_settings.ts";

/** What an Envoy says when it comes. */
export interface Arrival {
  /** Its node. */
  readonly node: Node | undefined;
  /** What it can check. */
  readonly capability: Capability | undefined;
  /** Where it calls from. */
  readonly peerAddress: string;
}

/** What a fleet works with. */
export interface FleetOptions {
  /** How endpoints are given out. */
  readonly policy: AssignmentPolicy;
  /** How often Envoys report, and the like. */
  readonly verdicts: VerdictSettings;
  /** Timers. */
  readonly clock: Clock;
  /** Where comings and goings are logged. */
  readonly logger: Logger;
  /** Returns what is checked; undefined while that is not complete yet. */
  readonly clusters: () => ReadonlyMap<string, CheckedCluster> | undefined;
  /** Takes over who checks what. */
  readonly onAssignment: (assignment: Assignment) => void;
  /** Milliseconds since the epoch that never step back. */
  readonly nowMs: () => number;
}

/** How long changes are put together, and how long at most. */
const QUIET_MS = 100;
const MAX_DELAY_MS = 1000;

interface Slot {
  prober: Prober;
  readonly writer: SpecifierWriter;
  session: FleetSession | undefined;
  polls: boolean;
  /** When it was last heard of or sent something. */
  heardMs: number;
  /** Whether it was part of an assignment since it came. */
  assigned: boolean;
  /** Whether it was sent a specifier since it came. */
  briefed: boolean;
}

/** All Envoys. */
export class Fleet implements Disposable {
  readonly #options: FleetOptions;
  readonly #slots = new Map<string, Slot>();
  #assignment: Assignment = noAssignment;
  #timer: Timer | undefined;
  #dirtySinceMs = 0;
  #changedMs = 0;
  #closed = false;

  /** Nobody is there yet. */
  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Who checks what. */
  get assignment(): Assignment {
    return this.#assignment;
  }

  /** Envoys that are connected or believed to come back. */
  *probers(): Generator<{ readonly prober: Prober; readonly isConnected: boolean }> {
    for (const { prober, session } of this.#slots.values()) {
      yield { prober, isConnected: session !== undefined };
    }
  }

  /**
   * An Envoy begins a stream, or with `polls` the first of several calls; another with the same node
   * id is told apart from it. One that polls has left when it has been silent for three intervals.
   */
  join(arrival: Arrival, { polls = false }: { readonly polls?: boolean } = {}): FleetSession {
    const name = this.#freeName(bounded(arrival.node?.id) || "unnamed");
    const prober = readProber({ ...arrival, name });
    const known = this.#slots.get(name);
    const slot: Slot = known ?? {
      prober,
      writer: new SpecifierWriter(prober),
      session: undefined,
      polls: false,
      heardMs: 0,
      assigned: false,
      briefed: false,
    };
    slot.prober = prober;
    slot.writer.restart(prober);
    slot.heardMs = this.#options.nowMs();
    const session = new FleetSession(prober, {
      next: () => this.#specifierFor(slot),
      anew: () => this.#specifierAnew(slot),
      heard: () => this.#heard(slot),
      left: () => this.#left(slot, session),
    });
    slot.session = session;
    slot.polls = polls;
    slot.assigned = false;
    slot.briefed = false;
    this.#slots.set(name, slot);
    this.#options.logger.info("prober connected", { prober: name, peer: arrival.peerAddress });
    this.changed();
    return session;
  }

  /** What is checked or who checks has changed: assigns anew in a moment. */
  changed(): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#changedMs = nowMs;
    if (this.#timer !== undefined || this.#closed) return;
    this.#dirtySinceMs = nowMs;
    this.#arm(nowMs);
  }

  /** Gives up on Envoys that have been gone or silent for three intervals. */
  tick(): void {
    const nowMs = this.#options.nowMs();
    for (const [name, slot] of this.#slots) {
      if (this.#isActive(slot, nowMs)) continue;
      if (slot.polls) slot.session?.end();
      if (slot.polls) slot.session = undefined;
      if (slot.session === undefined) {
        this.#slots.delete(name);
        this.#options.logger.info("prober gone", { prober: name });
      }
      if (this.#assignment.byProber.has(name)) this.changed();
    }
  }

  /** Ends all streams in order, as they never end by themselves. */
  endSessions(): void {
    for (const { session } of this.#slots.values()) session?.end();
  }

  /** Stops; what is connected stays so. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #freeName(id: string): string {
    for (let number = 1;; number++) {
      const name = number === 1 ? id : `${id}#${number}`;
      if (this.#slots.get(name)?.session === undefined) return name;
    }
  }

  #arm(nowMs: number): void {
    const dueMs = Math.min(this.#changedMs + QUIET_MS, this.#dirtySinceMs + MAX_DELAY_MS);
    this.#timer = this.#options.clock.after(Math.max(0, dueMs - nowMs), () => {
      const thenMs = this.#options.clock.monotonicMs();
      const isQuiet = thenMs >= this.#changedMs + QUIET_MS;
      this.#timer = undefined;
      if (isQuiet || thenMs >= this.#dirtySinceMs + MAX_DELAY_MS) this.#assign();
      else this.#arm(thenMs);
    });
  }

  #assign(): void {
    const { clusters, policy, onAssignment, logger, nowMs } = this.#options;
    const checked = clusters();
    if (checked === undefined) return;
    const active = [...this.#slots.values()].filter((slot) => this.#isActive(slot, nowMs()));
    const probers = active.map(({ prober }) => prober);
    const previous = this.#assignment;
    this.#assignment = assign({ clusters: checked.values(), probers, policy, previous });
    const { byTarget, short } = this.#assignment;
    logger.info("assigned endpoints", { endpoints: byTarget.size, probers: probers.length, short });
    onAssignment(this.#assignment);
    for (const slot of active) slot.assigned = true;
    for (const { session } of this.#slots.values()) session?.wake();
  }

  #specifierFor(slot: Slot): Uint8Array | undefined {
    const { clusters, verdicts: { reportIntervalMs: intervalMs }, nowMs } = this.#options;
    const checked = clusters();
    if (checked === undefined || !slot.assigned) return undefined;
    // One that is silent is left alone: it goes on with what it has, if it does anything.
    const assigned = this.#assignment.byProber.get(slot.prober.name);
    if (assigned === undefined) return undefined;
    const bytes = slot.writer.next({ assigned, clusters: checked, intervalMs });
    // It cannot report before it was told what.
    if (bytes !== undefined && !slot.briefed) slot.heardMs = nowMs();
    slot.briefed = true;
    return bytes;
  }

  #specifierAnew(slot: Slot): Uint8Array | undefined {
    slot.writer.restart(slot.prober);
    return this.#specifierFor(slot);
  }

  #heard(slot: Slot): void {
    const nowMs = this.#options.nowMs();
    const wasActive = this.#isActive(slot, nowMs);
    slot.heardMs = nowMs;
    if (!wasActive) this.changed();
  }

  #left(slot: Slot, session: FleetSession): void {
    if (slot.session !== session) return;
    slot.session = undefined;
    slot.heardMs = this.#options.nowMs();
    this.#options.logger.info("prober disconnected", { prober: slot.prober.name });
  }

  #isActive({ heardMs, session, assigned }: Slot, nowMs: number): boolean {
    if (session !== undefined && !assigned) return true;
    return nowMs - heardMs <= silenceMs(this.#options.verdicts);
  }
}

/** How a session reaches its fleet. */
interface SessionLink {
  /** The next specifier if one is due. */
  next(): Uint8Array | undefined;
  /** The specifier as it is, whether it was sent before or not. */
  anew(): Uint8Array | undefined;
  heard(): void;
  left(): void;
}

/** One stream of one Envoy. */
export class FleetSession {
  /** The Envoy. */
  readonly prober: Prober;
  readonly #link: SessionLink;
  readonly #waiting = new Set<() => void>();
  #end: { readonly error?: unknown } | undefined;

  /** Made by {@linkcode Fleet.join}. */
  constructor(prober: Prober, link: SessionLink) {
    this.prober = prober;
    this.#link = link;
  }

  /** Yields specifiers as they are due, each when the one before has left. For one reader. */
  async *specifiers(): AsyncGenerator<Uint8Array> {
    try {
      while (this.#end === undefined) {
        const bytes = this.#link.next();
        if (bytes !== undefined) yield bytes;
        else await this.#woken();
      }
      if ("error" in this.#end) throw this.#end.error;
    } finally {
      this.#link.left();
    }
  }

  /** Returns the specifier as it is, as soon as there is one; undefined when the session has ended. */
  async specifier(): Promise<Uint8Array | undefined> {
    while (this.#end === undefined) {
      const bytes = this.#link.anew();
      if (bytes !== undefined) return bytes;
      await this.#woken();
    }
    return undefined;
  }

  /** Whether it is over. */
  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** The Envoy said something. */
  heard(): void {
    this.#link.heard();
  }

  /** Something may be due. */
  wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** The stream is over, or has failed. */
  end(end: { readonly error?: unknown } = {}): void {
    this.#end ??= end;
    this.wake();
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }
}

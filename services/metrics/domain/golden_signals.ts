// SPDX-License-Identifier: Apache-2.0
/**
 * How services are doing, from the requests that Envoys logged: rate, success and latency by service,
 * by route, and by edge between services. The last minute exactly, the last hour in steps of 10 s.
 * @module
 */
import type { LatencyHistogram, LatencyQuantiles } from "./latency_histogram.ts";

/** One request or connection, as far as signals need it. */
export interface SignalEntry {
  /** Who asked: `node.cluster` of the Envoy that logged it. */
  readonly source: string;
  /** Who was asked: the upstream cluster; empty when none was chosen. */
  readonly destination: string;
  /** Name of the route; empty without one. */
  readonly route: string;
  /** Whether it went well. */
  readonly ok: boolean;
  /** How long it took, in microseconds. */
  readonly latencyUs: number;
}

/** What signals are kept of. */
export type SignalKey =
  | { readonly kind: "service"; readonly service: string }
  | { readonly kind: "edge"; readonly source: string; readonly destination: string }
  | {
    readonly kind: "route";
    readonly source: string;
    readonly route: string;
    readonly destination: string;
  };

/** Signals of a stretch of time. */
export interface Signals {
  /** Requests. */
  readonly requests: number;
  /** Requests that failed. */
  readonly failures: number;
  /** Latencies in milliseconds; absent without requests. */
  readonly latencyMs?: LatencyQuantiles;
}

/** Signals of one step. */
export interface SignalStep extends Signals {
  /** When the step began (ms since epoch). */
  readonly startMs: number;
}

/** Length of a step. */
export const STEP_MS = 10_000;
/** Steps that are kept: an hour. */
export const STEPS = 360;
/** Steps that make the present: a minute. */
const PRESENT_STEPS = 6;
/** A key without requests for this long is forgotten. */
const FORGET_MS = STEPS * STEP_MS;
/** The name of what there is no room for by its own name. */
const OTHERS = "(others)";

/** Keeps signals. */
export class SignalTable {
  readonly #maxKeys: number;
  readonly #createHistogram: () => LatencyHistogram;
  readonly #keys = new Map<string, KeySignals>();
  #overflowed = 0;

  /** `maxKeys` bounds services, edges and routes together; more are counted as one. */
  constructor(
    { maxKeys, createHistogram }: {
      readonly maxKeys: number;
      readonly createHistogram: () => LatencyHistogram;
    },
  ) {
    this.#maxKeys = maxKeys;
    this.#createHistogram = createHistogram;
  }

  /** Requests that were counted under no name of their own. */
  get overflowed(): number {
    return this.#overflowed;
  }

  /** How many services, edges and routes there are. */
  get size(): number {
    return this.#keys.size;
  }

  /** Counts an entry. */
  record(entry: SignalEntry, nowMs: number): void {
    const { source, destination, route } = entry;
    this.#signals({ kind: "service", service: destination }).record(entry, nowMs);
    this.#signals({ kind: "edge", source, destination }).record(entry, nowMs);
    if (route !== "") {
      this.#signals({ kind: "route", source, route, destination }).record(entry, nowMs);
    }
  }

  /** Forgets what nobody asked for in an hour. */
  tick(nowMs: number): void {
    for (const [name, signals] of this.#keys) {
      if (nowMs - signals.lastMs > FORGET_MS) this.#keys.delete(name);
    }
  }

  /** Returns the last minute of all keys of a kind. */
  present<K extends SignalKey["kind"]>(
    kind: K,
    nowMs: number,
  ): readonly { readonly key: Extract<SignalKey, { kind: K }>; readonly signals: Signals }[] {
    const found = [];
    for (const signals of this.#keys.values()) {
      if (signals.key.kind !== kind) continue;
      const key = signals.key as Extract<SignalKey, { kind: K }>;
      found.push({ key, signals: signals.present(nowMs) });
    }
    return found;
  }

  /** Returns the last hour of a key, oldest step first; undefined when it is not known. */
  series(key: SignalKey, nowMs: number): readonly SignalStep[] | undefined {
    return this.#keys.get(nameOf(key))?.series(nowMs);
  }

  #signals(key: SignalKey): KeySignals {
    const name = nameOf(key);
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    if (this.#keys.size < this.#maxKeys) return this.#create(name, key);
    this.#overflowed++;
    const others = otherOf(key);
    return this.#keys.get(nameOf(others)) ?? this.#create(nameOf(others), others);
  }

  #create(name: string, key: SignalKey): KeySignals {
    const signals = new KeySignals(key, this.#createHistogram);
    this.#keys.set(name, signals);
    return signals;
  }
}

function nameOf(key: SignalKey): string {
  switch (key.kind) {
    case "service":
      return `s\n${key.service}`;
    case "edge":
      return `e\n${key.source}\n${key.destination}`;
    case "route":
      return `r\n${key.source}\n${key.route}\n${key.destination}`;
  }
}

function otherOf({ kind }: SignalKey): SignalKey {
  switch (kind) {
    case "service":
      return { kind, service: OTHERS };
    case "edge":
      return { kind, source: OTHERS, destination: OTHERS };
    case "route":
      return { kind, source: OTHERS, route: OTHERS, destination: OTHERS };
  }
}

/** The signals of one key: a ring of steps, and the latencies of the last few. */
class KeySignals {
  readonly key: SignalKey;
  lastMs = 0;
  readonly #createHistogram: () => LatencyHistogram;
  readonly #requests = new Float64Array(STEPS);
  readonly #failures = new Float64Array(STEPS);
  readonly #quantiles: (LatencyQuantiles | undefined)[] = new Array(STEPS);
  readonly #recent: (LatencyHistogram | undefined)[] = new Array(PRESENT_STEPS);
  #step = -1;

  constructor(key: SignalKey, createHistogram: () => LatencyHistogram) {
    this.key = key;
    this.#createHistogram = createHistogram;
  }

  record({ ok, latencyUs }: SignalEntry, nowMs: number): void {
    const step = this.#advance(nowMs);
    const at = step % STEPS;
    this.#requests[at] = (this.#requests[at] ?? 0) + 1;
    if (!ok) this.#failures[at] = (this.#failures[at] ?? 0) + 1;
    const recent = step % PRESENT_STEPS;
    const histogram = this.#recent[recent] ?? this.#createHistogram();
    this.#recent[recent] = histogram;
    histogram.record(latencyUs);
    this.lastMs = nowMs;
  }

  present(nowMs: number): Signals {
    const step = this.#advance(nowMs);
    let requests = 0;
    let failures = 0;
    const all = this.#createHistogram();
    for (let back = 0; back < PRESENT_STEPS && back <= step; back++) {
      requests += this.#requests[(step - back) % STEPS] ?? 0;
      failures += this.#failures[(step - back) % STEPS] ?? 0;
      const histogram = this.#recent[(step - back) % PRESENT_STEPS];
      if (histogram !== undefined) all.add(histogram);
    }
    const latencyMs = all.quantiles();
    return { requests, failures, ...(latencyMs !== undefined && { latencyMs }) };
  }

  series(nowMs: number): readonly SignalStep[] {
    const step = this.#advance(nowMs);
    const steps: SignalStep[] = [];
    for (let back = Math.min(step, STEPS - 1); back >= 0; back--) {
      const at = (step - back) % STEPS;
      const latencyMs = back === 0
        ? this.#recent[step % PRESENT_STEPS]?.quantiles()
        : this.#quantiles[at];
      steps.push({
        startMs: (step - back) * STEP_MS,
        requests: this.#requests[at] ?? 0,
        failures: this.#failures[at] ?? 0,
        ...(latencyMs !== undefined && { latencyMs }),
      });
    }
    return steps;
  }

  /** Ends the steps that are over; a clock that went back stays in the present step. */
  #advance(nowMs: number): number {
    const now = Math.floor(nowMs / STEP_MS);
    if (now <= this.#step) return this.#step;
    if (this.#step >= 0) {
      this.#quantiles[this.#step % STEPS] = this.#recent[this.#step % PRESENT_STEPS]?.quantiles();
    }
    for (let step = Math.max(this.#step + 1, now - STEPS + 1); step <= now; step++) {
      this.#requests[step % STEPS] = 0;
      this.#failures[step % STEPS] = 0;
      this.#quantiles[step % STEPS] = undefined;
      this.#recent[step % PRESENT_STEPS]?.reset();
    }
    this.#step = now;
    return now;
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Hands verdicts to those who act on them: one loop for each sink, so that one that is away holds up
 * no other.
 * @module
 */
import type { Clock, Logger, Timer } from "@denvoy/base";
import type { ComponentHealth } from "@denvoy/runtime";
import type { EndpointRecord } from "./domain/endpoint_record.ts";
import type { ServedHealth } from "./domain/endpoint_reader.ts";
import type { Health } from "./domain/health.ts";
import {
  type OutboxBatch,
  type PublishedVerdict,
  VerdictOutbox,
  worstOf,
} from "./domain/verdict_outbox.ts";
import type { HealthControl, HealthUpdate } from "./health_control.ts";
import type { HdsInstruments } from "./metrics.ts";
import { RestartWatch } from "./restart_watch.ts";

/** Takes verdicts. */
export interface VerdictSink {
  /** `ads`, `file` or `webhook`. */
  readonly name: string;
  /** After how many milliseconds it wants all verdicts again; 0 for never. */
  readonly repeatMs: number;
  /**
   * Returns what is new at each start of a sink that forgets when it stops; left out by those that
   * do not. Rejects when it cannot be asked.
   */
  instance?(signal: AbortSignal): Promise<string>;
  /** Takes changes; all of them or none. Rejects when it cannot. */
  publish(verdicts: readonly PublishedVerdict[], signal: AbortSignal): Promise<void>;
}

/** What a publisher works with. */
export interface PublisherOptions {
  /** Where verdicts go. */
  readonly sink: VerdictSink;
  /** Where they come from. */
  readonly control: HealthControl;
  /** Timers. */
  readonly clock: Clock;
  /** Where failures are logged. */
  readonly logger: Logger;
  /** Told how the sink is. */
  readonly health: ComponentHealth;
  /** Where batches are counted. */
  readonly instruments: HdsInstruments;
}

const RETRY = { retryMs: 250, maxRetryMs: 10_000 };
/** Changes of one report come together. */
const GATHER_MS = 10;

/** Keeps one sink up to date until it is disposed of. */
export class Publisher implements AsyncDisposable {
  readonly #options: PublisherOptions;
  readonly #outbox: VerdictOutbox;
  readonly #closed = new AbortController();
  readonly #unlisten: readonly (() => void)[];
  readonly #restarts: RestartWatch | undefined;
  #timer: Timer | undefined;
  #timerMs = Infinity;
  #work: Promise<void> = Promise.resolve();

  /** Begins with all that is known. */
  constructor(options: PublisherOptions) {
    this.#options = options;
    const { control, sink: { repeatMs } } = options;
    this.#outbox = new VerdictOutbox({ ...RETRY, repeatMs }, control.nowMs());
    this.#unlisten = [
      control.listen((update) => this.#take(update)),
      control.listenServed((served) => this.#mend(served)),
    ];
    options.health.ok("nothing to tell yet");
    this.#putAll();
    this.#restarts = this.#watchRestarts();
  }

  /** Stops; what is under way is broken off. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const unlisten of this.#unlisten) unlisten();
    this.#closed.abort();
    this.#timer?.cancel();
    await this.#restarts?.[Symbol.asyncDispose]();
    await this.#work;
  }

  #watchRestarts(): RestartWatch | undefined {
    const { sink, clock, logger } = this.#options;
    const ask = sink.instance?.bind(sink);
    if (ask === undefined) return undefined;
    const onRestart = () => {
      this.#outbox.hurry();
      this.#putAll();
    };
    return new RestartWatch({ ask, onRestart, clock, logger });
  }

  #putAll(): void {
    const nowMs = this.#options.control.nowMs();
    for (const verdict of this.#all()) this.#outbox.put(verdict, nowMs);
    this.#schedule();
  }

  #take({ added, changes, removed }: HealthUpdate): void {
    const { control: { table } } = this.#options;
    for (const record of removed) this.#put(record);
    // Those from before a restart are told again: a sink may have forgotten them meanwhile.
    for (const record of added) if (record.health !== "UNKNOWN") this.#put(record);
    for (const { cluster, address } of changes) {
      const record = table.get(cluster, address);
      if (record !== undefined) this.#put(record);
    }
    this.#schedule();
  }

  /** A control plane that has restarted has forgotten: it is told again what it serves otherwise. */
  #mend(served: readonly ServedHealth[]): void {
    const { control, sink } = this.#options;
    if (sink.repeatMs === 0) return;
    for (const { service, address, health } of served) {
      const said = saidHealth(control, { service, address });
      if (said === "UNKNOWN" || said === health) continue;
      for (const { name } of control.pool.clustersOf(service)) {
        const record = control.table.get(name, address);
        if (record !== undefined) this.#put(record);
      }
    }
    this.#schedule();
  }

  #put(record: EndpointRecord): void {
    const { control } = this.#options;
    this.#outbox.put(verdictOf(record, control), control.nowMs());
  }

  *#all(): Generator<PublishedVerdict> {
    const { control } = this.#options;
    for (const record of control.table.endpoints()) {
      if (record.health !== "UNKNOWN") yield verdictOf(record, control);
    }
  }

  #schedule(): void {
    const { clock, control } = this.#options;
    const { dueMs } = this.#outbox;
    if (dueMs === Infinity || this.#closed.signal.aborted) return;
    const atMs = Math.max(dueMs, control.nowMs() + GATHER_MS);
    if (this.#timer !== undefined && this.#timerMs <= atMs) return;
    this.#timer?.cancel();
    this.#timerMs = atMs;
    this.#timer = clock.after(atMs - control.nowMs(), () => {
      this.#timer = undefined;
      this.#work = this.#work.then(() => this.#send());
    });
  }

  async #send(): Promise<void> {
    const { control } = this.#options;
    const batch = this.#outbox.take(control.nowMs(), () => this.#all());
    if (batch !== undefined) await this.#publish(batch);
    this.#schedule();
  }

  async #publish(batch: OutboxBatch): Promise<void> {
    const { sink, control, instruments, health } = this.#options;
    try {
      await sink.publish(batch.verdicts, this.#closed.signal);
      this.#outbox.sent();
      const seconds = (control.nowMs() - batch.sinceMs) / 1000;
      instruments.publishTime.record(seconds, { sink: sink.name });
      instruments.publications.add(1, { sink: sink.name, outcome: "taken" });
      health.ok();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const { sink, control, instruments, health, logger } = this.#options;
    this.#outbox.failed(control.nowMs());
    if (this.#closed.signal.aborted) return;
    instruments.publications.add(1, { sink: sink.name, outcome: "failed" });
    const why = error instanceof Error ? error.message : String(error);
    health.degraded(`verdicts wait: ${why}`);
    if (this.#outbox.failures === 1) {
      logger.warn("cannot hand verdicts on, tries again", { sink: sink.name, error });
    }
  }
}

/** A verdict on what is not checked any more is taken back, unless another cluster has it, too. */
function verdictOf(
  { service, host, port, address }: EndpointRecord,
  control: HealthControl,
): PublishedVerdict {
  return { service, host, port, health: saidHealth(control, { service, address }) };
}

function saidHealth(
  { pool, table }: HealthControl,
  { service, address }: { readonly service: string; readonly address: string },
): Health {
  const healths: Health[] = [];
  for (const cluster of pool.clustersOf(service)) {
    const record = table.get(cluster.name, address);
    if (record !== undefined) healths.push(record.health);
  }
  return worstOf(healths);
}

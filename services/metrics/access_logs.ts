// SPDX-License-Identifier: Apache-2.0
/**
 * AccessLogService as a whole: from the entries of Envoys to signals, and to the places where lines
 * are written.
 * @module
 */
import { ProblemError } from "@denvoy/base";
import type { MethodImplementation } from "@denvoy/grpc";
import type { AnyRoute, Runtime } from "@denvoy/runtime";
import { FileLogSink } from "./adapters/file_log_sink.ts";
import { HdrLatencyHistogram } from "./adapters/hdr_latency_histogram.ts";
import { OtlpLogSink } from "./adapters/otlp_log_sink.ts";
import { StdoutLogSink } from "./adapters/stdout_log_sink.ts";
import type { MetricsConfig } from "./config.ts";
import { type AccessLogFilter, readAccessLogFilter, Sampler } from "./domain/access_log_filter.ts";
import { SignalTable } from "./domain/golden_signals.ts";
import { lineOf, type RawEntry } from "./handlers/access_log_entry.ts";
import { AccessLogLineWriter } from "./handlers/access_log_line_writer.ts";
import { accessLogMethods } from "./handlers/access_log_service.ts";
import { signalRoutes } from "./http/signal_routes.ts";
import { type LoggedLine, LogQueue, type LogSink } from "./log_sink.ts";
import { otlpTarget } from "./open_otlp.ts";
import { nodeAuthorization } from "./node_authorization.ts";
import { repeat } from "./repeat.ts";

/** AccessLogService and what is read from it. */
export interface AccessLogs extends AsyncDisposable {
  /** Its RPC. */
  readonly methods: readonly MethodImplementation[];
  /** Its routes. */
  readonly routes: readonly AnyRoute[];
}

const TICK_MS = 60_000;

/** Opens it. @throws ProblemError when a setting makes no sense */
export function openAccessLogs(config: MetricsConfig, runtime: Runtime): AccessLogs {
  const { clock, metrics } = runtime;
  const opened = new AsyncDisposableStack();
  const table = new SignalTable({
    maxKeys: config.maxSignals,
    createHistogram: () => new HdrLatencyHistogram(),
  });
  opened.use(repeat(runtime, { everyMs: TICK_MS, work: () => table.tick(clock.nowMs()) }));
  const writer = new AccessLogWriter(config, runtime);
  opened.use(writer);
  const entries = metrics.counter("access_log_entries_total", { help: "Entries that came." })
    .with();
  const streams = metrics.gauge("access_log_streams", { help: "Open streams of access logs." });
  metrics.observeGauge(
    "signals",
    { help: "Services, edges and routes with signals." },
    () => table.size,
  );
  metrics.observeCounter("signal_overflow_total", {
    help: "Requests that were counted under no name of their own (`--max-signals`).",
  }, () => table.overflowed);
  const methods = accessLogMethods({
    onSignal: (entry) => table.record(entry, clock.nowMs()),
    onEntry(entry) {
      entries.add();
      writer.write(entry);
    },
    room: () => writer.room(),
    authorize: nodeAuthorization(config),
    onStream() {
      streams.add(1);
      return () => streams.add(-1);
    },
  });
  const routes = signalRoutes({ table, nowMs: () => clock.nowMs() });
  return { methods, routes, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Turns entries into lines, and hands those that are wanted to each sink. */
class AccessLogWriter implements AsyncDisposable {
  /** Lines that wait as bytes cost the collector of garbage little, unlike objects. */
  readonly #texts: readonly LogQueue<Uint8Array>[];
  readonly #records: readonly LogQueue<LoggedLine>[];
  readonly #filters: readonly AccessLogFilter[];
  readonly #sampler: Sampler;
  readonly #takesNothingElse: boolean;
  readonly #lines = new AccessLogLineWriter();

  constructor(config: MetricsConfig, runtime: Runtime) {
    const { clock, logger, metrics, readiness } = runtime;
    this.#filters = readFilters(config.accessLogFilters);
    const share = config.accessLogSample ?? (this.#filters.length > 0 ? 0 : 1);
    this.#sampler = new Sampler(share);
    this.#takesNothingElse = this.#filters.length === 0;
    const lines = metrics.counter("access_log_lines_total", {
      help: "Lines by sink and by what became of them: written or dropped.",
      labels: ["sink", "outcome"],
    });
    const { accessLogQueue: maxLines, accessLogOverflow: overflow } = config;
    const queueOf = <L extends Uint8Array | LoggedLine>(sink: LogSink<L>) =>
      new LogQueue<L>({
        ...{ sink, maxLines, overflow, clock, logger },
        onLines: (outcome, count) => lines.add(count, { sink: sink.name, outcome }),
        health: readiness.component(`access_log_${sink.name}`),
      });
    const { texts, records } = openSinks(config, runtime);
    this.#texts = texts.map(queueOf);
    this.#records = records.map(queueOf);
  }

  write(entry: RawEntry): void {
    if (this.#texts.length + this.#records.length === 0) return;
    const sampled = this.#sampler.next();
    if (!sampled && this.#takesNothingElse) return;
    if (sampled && this.#records.length === 0) return this.#writeText(entry);
    const line = lineOf(entry);
    if (!sampled && !this.#filters.some((filter) => filter.matches(line))) return;
    for (const queue of this.#records) queue.add({ node: entry.source.node, line });
    this.#writeText(entry);
  }

  #writeText(entry: RawEntry): void {
    if (this.#texts.length === 0) return;
    const text = this.#lines.write(entry);
    for (const queue of this.#texts) queue.add(text);
  }

  room(): Promise<void> | undefined {
    const waits = [...this.#texts, ...this.#records].map((queue) => queue.room())
      .filter((room) => room !== undefined);
    return waits.length === 0 ? undefined : Promise.all(waits).then(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const queues = [...this.#texts, ...this.#records];
    await Promise.all(queues.map((queue) => queue[Symbol.asyncDispose]()));
  }
}

interface Sinks {
  readonly texts: LogSink<Uint8Array>[];
  readonly records: LogSink<LoggedLine>[];
}

function openSinks(config: MetricsConfig, { clock, version }: Runtime): Sinks {
  const sinks: Sinks = { texts: [], records: [] };
  for (const name of new Set(config.accessLogSinks)) {
    if (name === "stdout") sinks.texts.push(new StdoutLogSink());
    else if (name === "file") sinks.texts.push(openFileSink(config));
    else if (name === "otlp") {
      const target = otlpTarget(config);
      if (target === undefined) throw usageError("--otlp-url", "is needed for sink otlp");
      sinks.records.push(new OtlpLogSink({ target, version, nowMs: () => clock.nowMs() }));
    } else {
      const message = `must be one of stdout, file, otlp: current value is "${name}"`;
      throw usageError("--access-log-sink", message);
    }
  }
  return sinks;
}

function openFileSink(config: MetricsConfig): FileLogSink {
  const { accessLogFile: path, accessLogMaxBytes: maxBytes, accessLogKeep: keep } = config;
  if (path === undefined) throw usageError("--access-log-file", "is needed for sink file");
  return new FileLogSink({ path, maxBytes, keep });
}

function readFilters(texts: readonly string[]): readonly AccessLogFilter[] {
  return texts.map((text) => {
    const read = readAccessLogFilter(text);
    if (read.ok) return read.value;
    throw usageError("--access-log-filter", read.error);
  });
}

function usageError(path: string, message: string): ProblemError {
  return new ProblemError([{ severity: "error", path, message }]);
}

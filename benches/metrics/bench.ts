// SPDX-License-Identifier: Apache-2.0
/**
 * `deno task bench:metrics`: what a fleet's stats and access logs cost, and what a scrape of all of
 * it does. No other open server of Envoy's MetricsService runs without a cluster of its own, so
 * Denvoy stands against goals. The method is in benches/README.md.
 * @module
 */
import { isWanted, parseBenchOptions } from "../lib/command_line.ts";
import { Comparison, type Figure } from "../lib/comparison.ts";
import { print, progress } from "../lib/output.ts";
import { describeMachine, saveResults } from "../lib/results.ts";
import { runBench } from "../lib/run_bench.ts";
import type { Server } from "../lib/server.ts";
import { accessLogsOf, flushOf, logsIdentifier, metricsIdentifier } from "./messages.ts";
import { connect, drain, Sender, startMetrics, untilCounted } from "./senders.ts";

interface Plan {
  readonly envoys: number;
  readonly series: number;
  readonly flushes: number;
  readonly entries: number;
  readonly scrapes: number;
}

const full: Plan = { envoys: 200, series: 2_000, flushes: 10, entries: 2_000_000, scrapes: 3 };
const quick: Plan = { envoys: 40, series: 2_000, flushes: 10, entries: 200_000, scrapes: 2 };

/** Series, and log entries, that one core is to take in a second. */
const GOAL_SERIES = 500_000;
const GOAL_ENTRIES = 100_000;
const BATCH = 500;
const STREAMS = 16;

interface Run {
  readonly plan: Plan;
  readonly comparison: Comparison;
  readonly pair: number;
}

function record(
  { comparison, pair }: Run,
  figure: Figure,
  values: { readonly ours: number; readonly goal?: number },
): void {
  comparison.record(figure, { side: "denvoy", pair, value: values.ours });
  if (values.goal === undefined) return;
  comparison.record(figure, { side: "goal", pair, value: values.goal });
}

const seriesFigure: Figure = {
  name: "metrics.ingest.series",
  title: "series a second and core",
  unit: "per second",
  better: "more",
};
const memoryFigure: Figure = {
  name: "metrics.memory.series",
  title: "resident memory of a series",
  unit: "bytes",
  better: "less",
};
const scrapeFigures: Readonly<Record<"identity" | "gzip", Figure>> = {
  identity: {
    name: "metrics.scrape.time",
    title: "one scrape of all series",
    unit: "ms",
    better: "less",
  },
  gzip: {
    name: "metrics.scrape.gzip",
    title: "the same, compressed",
    unit: "ms",
    better: "less",
  },
};
const entryFigures: Readonly<Record<"signals" | "lines", Figure>> = {
  signals: {
    name: "metrics.entries.signals",
    title: "log entries a second and core, counted as signals",
    unit: "per second",
    better: "more",
  },
  lines: {
    name: "metrics.entries.lines",
    title: "log entries a second and core, written to a file too",
    unit: "per second",
    better: "more",
  },
};

async function runSeries(run: Run): Promise<void> {
  const { envoys, series, flushes, scrapes } = run.plan;
  const folder = await Deno.makeTempDir();
  try {
    await using server = await startMetrics(folder);
    using client = connect(server);
    const empty = await server.usage();
    const senders = Array.from({ length: envoys }, () => new Sender(client, "metrics"));
    for (const [at, sender] of senders.entries()) {
      sender.send(metricsIdentifier(`edge-${at}`), flushOf(series, 0));
    }
    await untilCounted(server, "metrics_samples_total", envoys * series);
    const filled = await server.usage();
    for (let flush = 1; flush <= flushes; flush++) {
      const bytes = flushOf(series, flush);
      for (const sender of senders) sender.send(bytes);
    }
    await untilCounted(server, "metrics_samples_total", envoys * series * (flushes + 1));
    const after = await server.usage();
    const perSecond = envoys * series * flushes / (after.cpuSeconds - filled.cpuSeconds);
    record(run, seriesFigure, { ours: perSecond, goal: GOAL_SERIES });
    const bytes = (after.residentBytes - empty.residentBytes) / (envoys * series);
    record(run, memoryFigure, { ours: bytes });
    for (let scrape = 0; scrape < scrapes; scrape++) {
      await measureScrape(server, { ...run, pair: run.pair * scrapes + scrape });
    }
    for (const sender of senders) sender.end();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function measureScrape(server: Server, run: Run): Promise<void> {
  for (const coding of ["identity", "gzip"] as const) {
    const begin = performance.now();
    const size = await drain(`${server.httpUrl}/fleet/metrics`, coding);
    const ms = performance.now() - begin;
    progress(`scrape (${coding}): ${Math.round(ms)} ms, ${size} bytes`);
    record(run, scrapeFigures[coding], { ours: ms });
  }
}

async function runEntries(run: Run, kind: "signals" | "lines"): Promise<void> {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/metrics/access.log`;
  const flags = ["--access-log-sink", "file", "--access-log-file", file];
  try {
    await using server = await startMetrics(folder, kind === "lines" ? flags : []);
    using client = connect(server);
    const senders = Array.from({ length: STREAMS }, () => new Sender(client, "accesslog"));
    const batch = accessLogsOf(BATCH);
    const rounds = Math.ceil(run.plan.entries / BATCH / STREAMS / (kind === "lines" ? 4 : 1));
    for (const [at, sender] of senders.entries()) sender.send(logsIdentifier(`edge-${at}`), batch);
    await untilCounted(server, "metrics_access_log_entries_total", STREAMS * BATCH);
    const before = await server.usage();
    for (let round = 0; round < rounds; round++) for (const sender of senders) sender.send(batch);
    const all = STREAMS * BATCH * (rounds + 1);
    await untilCounted(server, "metrics_access_log_entries_total", all);
    const after = await server.usage();
    const perSecond = STREAMS * BATCH * rounds / (after.cpuSeconds - before.cpuSeconds);
    record(run, entryFigures[kind], { ours: perSecond, goal: GOAL_ENTRIES });
    for (const sender of senders) sender.end();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function main(): Promise<void> {
  const options = parseBenchOptions(Deno.args);
  const plan = options.quick ? quick : full;
  print(`bench:metrics on ${describeMachine()}`);
  print("No other open server of MetricsService is to be had alone: Denvoy stands against goals.");
  const comparison = new Comparison("denvoy");
  for (let pair = 0; pair < (options.pairs ?? 2); pair++) {
    const run = { plan, comparison, pair };
    if (isWanted("series", options.only)) await runSeries(run);
    for (const kind of ["signals", "lines"] as const) {
      if (isWanted(`entries.${kind}`, options.only)) await runEntries(run, kind);
    }
  }
  print(`\n${comparison.table()}\n`);
  if (options.save) print(await saveResults("metrics", { comparison, args: Deno.args }));
  for (const line of comparison.ratioLines()) print(line);
}

if (import.meta.main) await runBench(main);

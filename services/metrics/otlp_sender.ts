// SPDX-License-Identifier: Apache-2.0
/**
 * Sends on what Envoys report. A node that could not be sent is tried again, with what came
 * meanwhile: nothing but a list of nodes is kept for it, so there is nothing to overflow.
 * @module
 */
import type { Clock, Logger, Timer } from "@denvoy/base";
import type { ComponentHealth, Metrics } from "@denvoy/runtime";
import type { OtlpOutcome } from "./adapters/otlp_metric_exporter.ts";
import type { Fleet } from "./domain/fleet.ts";
import { type NodeExport, NodeExporter, type Temporality } from "./domain/node_export.ts";
import type { NodeInfo } from "./domain/node_info.ts";
import type { NodeMetrics } from "./domain/node_metrics.ts";

/** What a sender works with. */
export interface OtlpSenderOptions {
  /** Whose metrics. */
  readonly fleet: Fleet;
  /** Sends those of one node; does not reject. */
  readonly send: (info: NodeInfo, metrics: NodeExport) => Promise<OtlpOutcome>;
  /** What points hold. */
  readonly temporality: Temporality;
  /** How often each node is sent. */
  readonly intervalMs: number;
  /** Requests under way at once. */
  readonly concurrency: number;
  /** Timers. */
  readonly clock: Clock;
  /** Told how the collector is. */
  readonly health: ComponentHealth;
  /** Where points are counted. */
  readonly metrics: Metrics;
  /** Where failures are logged, once each time they begin. */
  readonly logger: Logger;
}

const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 60_000;

/** Sends until it is disposed of. */
export class OtlpSender implements AsyncDisposable {
  readonly #options: OtlpSenderOptions;
  readonly #exporters = new Map<NodeMetrics, NodeExporter>();
  readonly #points;
  readonly #requests;
  #round: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  #backoffMs = 0;
  #closed = false;

  /** Sends for the first time after one interval. */
  constructor(options: OtlpSenderOptions) {
    this.#options = options;
    this.#points = options.metrics.counter("otlp_points_total", {
      help:
        "Points by what became of them: sent, refused by the collector, or unsupported by OTLP.",
      labels: ["outcome"],
    });
    this.#requests = options.metrics.counter("otlp_requests_total", {
      help: "Requests to the collector by outcome; what failed is sent again.",
      labels: ["outcome"],
    });
    if (options.temporality === "delta") {
      options.fleet.listenCarried((node, counted) => this.#exporterOf(node).carry(counted));
    }
    options.health.ok();
    this.#schedule(options.intervalMs);
  }

  /** Sends what is left once, and stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#round;
    if (this.#backoffMs === 0) await this.#sendAll();
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#round = this.#sendAll().finally(() => {
        if (!this.#closed) this.#schedule(Math.max(this.#options.intervalMs, this.#backoffMs));
      });
    });
  }

  async #sendAll(): Promise<void> {
    const waiting = this.#due();
    const state = { failed: "" };
    const work = async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        await this.#sendNode(next, state);
        // Whoever does not answer one request will not answer a hundred.
        if (state.failed !== "") return;
      }
    };
    await Promise.all(Array.from({ length: this.#options.concurrency }, work));
    this.#note(state.failed);
  }

  #due(): NodeMetrics[] {
    const nodes = [...this.#options.fleet.nodes()];
    const known = new Set(nodes);
    for (const node of this.#exporters.keys()) if (!known.has(node)) this.#exporters.delete(node);
    return nodes.filter((node) => this.#exporterOf(node).isDue);
  }

  #exporterOf(node: NodeMetrics): NodeExporter {
    let exporter = this.#exporters.get(node);
    if (exporter === undefined) {
      exporter = new NodeExporter(node, this.#options.temporality);
      this.#exporters.set(node, exporter);
    }
    return exporter;
  }

  async #sendNode(node: NodeMetrics, state: { failed: string }): Promise<void> {
    const taken = this.#exporterOf(node).take();
    const outcome: OtlpOutcome = taken.points === 0
      ? { kind: "sent" }
      : await this.#options.send(node.info, taken);
    this.#requests.add(1, { outcome: outcome.kind });
    if (outcome.kind === "failed") {
      state.failed = outcome.why;
      return;
    }
    taken.commit();
    this.#points.add(taken.points, { outcome: outcome.kind });
    this.#points.add(taken.skipped, { outcome: "unsupported" });
    if (outcome.kind === "sent") return;
    this.#options.logger.error("the collector refuses metrics", {
      node: node.info.id,
      why: outcome.why,
    });
  }

  #note(failure: string): void {
    const { health, logger } = this.#options;
    if (failure === "") {
      if (this.#backoffMs > 0) logger.info("the collector takes metrics again");
      this.#backoffMs = 0;
      return health.ok();
    }
    if (this.#backoffMs === 0) logger.warn("cannot send metrics on", { why: failure });
    this.#backoffMs = Math.min(MAX_BACKOFF_MS, Math.max(FIRST_BACKOFF_MS, this.#backoffMs * 2));
    health.degraded(`cannot send metrics on: ${failure}`);
  }
}

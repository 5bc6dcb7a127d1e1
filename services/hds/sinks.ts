// SPDX-License-Identifier: Apache-2.0
/**
 * Opens the sinks that the settings name.
 * @module
 */
import { loadClientTls } from "@denvoy/discovery";
import type { ComponentHealth, Runtime } from "@denvoy/runtime";
import { AdsSink } from "./adapters/ads_sink.ts";
import { HttpClientKeys } from "./adapters/json_request.ts";
import { FileSink, WebhookSink } from "./adapters/other_sinks.ts";
import type { HdsConfig } from "./config.ts";
import type { HealthControl } from "./health_control.ts";
import { endpointJson } from "./http/health_json.ts";
import type { HdsInstruments } from "./metrics.ts";
import { Publisher, type VerdictSink } from "./publisher.ts";

/** What sinks are opened with. */
export interface SinkParts {
  /** The settings. */
  readonly config: HdsConfig;
  /** What the process gives. */
  readonly runtime: Runtime;
  /** Where verdicts come from. */
  readonly control: HealthControl;
  /** Returns who is told how a sink is; the same for the same sink. */
  readonly sinkHealth: (sink: string) => ComponentHealth;
  /** Where batches are counted. */
  readonly instruments: HdsInstruments;
}

const TIMEOUT_MS = 5000;

/** Opens all sinks. */
export async function openSinks(parts: SinkParts): Promise<AsyncDisposable> {
  await using opening = new AsyncDisposableStack();
  const { runtime: { clock, logger }, control, instruments } = parts;
  const client = opening.use(await openClient(parts, opening));
  for (const sink of sinksOf(parts, client)) {
    const health = parts.sinkHealth(sink.name);
    opening.defer(() => health.ok("another replica tells it"));
    opening.use(new Publisher({ sink, control, clock, logger, health, instruments }));
  }
  const opened = opening.move();
  return { [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Returns the keys for ads, which follow their files; undefined where none are named. */
async function openClient(
  { config, runtime: { logger, clock } }: SinkParts,
  opening: AsyncDisposableStack,
): Promise<HttpClientKeys | undefined> {
  const { adsCa: ca, adsCert: cert, adsKey: key } = config;
  if (ca === undefined && cert === undefined) return undefined;
  const keys = opening.use(await loadClientTls({ ca, cert, key }, { logger, clock }));
  return new HttpClientKeys(keys);
}

function* sinksOf(
  { config, control, runtime: { clock } }: SinkParts,
  client: HttpClientKeys | undefined,
): Generator<VerdictSink> {
  const { adsUrl, adsTokenFile, verdictTtlMs: ttlMs, healthFile, webhook } = config;
  const request = { clock, timeoutMs: TIMEOUT_MS };
  if (adsUrl !== undefined) {
    yield new AdsSink({ ...request, url: adsUrl, tokenFile: adsTokenFile, client, ttlMs });
  }
  if (healthFile !== undefined) {
    yield new FileSink(healthFile, () => ({
      endpoints: [...control.table.endpoints()].map((record) => endpointJson(record, control)),
    }));
  }
  if (webhook !== undefined) {
    yield new WebhookSink({ ...request, url: webhook, tokenFile: config.webhookTokenFile });
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The composition root of ads: where its parts are made, joined, and closed again.
 * @module
 */
import { resolve } from "node:path";
import { NodeIdentityTemplate, ProblemError, type Timer, VERSION } from "@denvoy/base";
import type { RunningApp, Runtime, ServiceDefinition } from "@denvoy/runtime";
import { type FileSink, FileSource } from "./adapters/file_source.ts";
import { type AdsConfig, adsSchema } from "./config.ts";
import { type Configuration, openConfiguration } from "./domain/configuration.ts";
import { Replica } from "./domain/replica.ts";
import { SECRET } from "./domain/resource_types.ts";
import { FilesHealth } from "./files_health.ts";
import { apiRoutes } from "./http/api_routes.ts";
import { adsInstruments, observeAds } from "./metrics.ts";
import { openSds } from "./open_sds.ts";
import { Serving } from "./serving.ts";
import { openState } from "./state.ts";

/** The service, for `main.ts` and for `denvoy serve`. */
export const ads: ServiceDefinition<typeof adsSchema.own> = {
  schema: adsSchema,
  version: VERSION,
  start: startAds,
};

/** How often endpoints are expired and rollouts looked at. */
const TICK_MS = 1000;
/** How often a long load says how far it is. */
const PROGRESS_MS = 2000;

async function startAds(config: AdsConfig, runtime: Runtime): Promise<RunningApp> {
  await using opening = new AsyncDisposableStack();
  const { clock, metrics, readiness } = runtime;
  const identity = nodeIdentity(config);
  const state = opening.adopt(openState(config, runtime), (open) => open.close());
  const { store, replication } = state;
  const configuration = openConfiguration({
    clock,
    store,
    ...(replication && { replication }),
    filePolicy: config.danglingFiles,
    elsewhere: config.sds.length > 0 ? [SECRET] : [],
    filesFrom: config.resources === undefined ? "" : resolve(config.resources),
  });
  // Before all is there that replicas agreed on, nodes would be told that it is gone.
  await replication?.open(new Replica(configuration, replication.store));
  opening.use(tickEverySecond(configuration, runtime));

  const instruments = adsInstruments(metrics);
  const sds = await openSds(config, { runtime, owner: opening });
  const serving = new Serving({ config, runtime, configuration, instruments, identity, sds });
  const files = new FilesHealth(readiness.component("files"), instruments);
  const { hub, sessions } = serving;
  observeAds(metrics, { hub, sessions, files, catalog: configuration.catalog });

  const { danglingWrites: writePolicy, endpointTtlMs } = config;
  const sharedId = () => replication?.epoch ?? "";
  const api = { configuration, clock, writePolicy, endpointTtlMs, sharedId };

  const isShared = replication !== undefined;
  opening.use(await loadFiles(config, { runtime, configuration, files, isShared }));
  const grpc = await serving.listen();
  opening.defer(() => grpc.drain(0));
  await runtime.serveHttp([...serving.routes(), ...apiRoutes(api)]);

  const opened = opening.move();
  return {
    grpcAddress: grpc.address,
    async stop(graceMs) {
      const drained = grpc.drain(graceMs);
      // After the GOAWAY of the drain, so that nobody comes back by the same connection.
      hub.endStreams();
      await drained;
      await opened.disposeAsync();
    },
  };
}

function nodeIdentity({ nodeIdentity, clientCa }: AdsConfig): NodeIdentityTemplate | undefined {
  if (nodeIdentity === undefined) return undefined;
  const parsed = NodeIdentityTemplate.parse(nodeIdentity);
  if (!parsed.ok) throw usageError(`--node-identity ${parsed.error}`);
  if (clientCa !== undefined) return parsed.value;
  throw usageError("--node-identity needs --client-ca: without it no client shows a certificate");
}

function usageError(message: string): ProblemError {
  return new ProblemError([{ severity: "error", message }]);
}

/** Does what is due every second until it is disposed of. */
function tickEverySecond(configuration: Configuration, { clock, logger }: Runtime): Disposable {
  let timer: Timer;
  let stopped = false;
  const schedule = () => timer = clock.after(TICK_MS, tick);
  const tick = async () => {
    try {
      await configuration.tick();
    } catch (error) {
      if (!stopped) logger.error("cannot do what is due", { error });
    }
    if (!stopped) schedule();
  };
  schedule();
  return {
    [Symbol.dispose]() {
      stopped = true;
      timer.cancel();
    },
  };
}

interface FileParts {
  readonly runtime: Runtime;
  readonly configuration: Configuration;
  readonly files: FilesHealth;
  readonly isShared: boolean;
}

/** Files are taken as every other change is. */
function fileSink({ files, submit }: Configuration): FileSink {
  return {
    get expectsFiles() {
      return files.expectsFiles;
    },
    keepLast: () => files.keepLast(),
    replace: (edits, summary) => submit(() => files.replace(edits, summary)),
    change: (edits, summary, policy) => submit(() => files.change(edits, summary, policy)),
  };
}

/** Loads `--resources` and goes on following it; the log says how a long load is getting on. */
async function loadFiles(
  { resources, allowInvalid }: AdsConfig,
  { runtime: { clock, logger }, configuration, files, isShared }: FileParts,
): Promise<AsyncDisposable | undefined> {
  if (resources === undefined) {
    // Of what replicas share, one without files takes nothing away.
    if (isShared) configuration.files.keepLast();
    else configuration.files.replace([], "no files");
    files.absent();
    return undefined;
  }
  let saidMs = clock.monotonicMs();
  const source = new FileSource({
    path: resources,
    sink: fileSink(configuration),
    logger,
    clock,
    onState: (state) => files.follow(state),
    onProgress: ({ read, total }) => {
      const nowMs = clock.monotonicMs();
      if (nowMs - saidMs < PROGRESS_MS) return;
      saidMs = nowMs;
      logger.info("loading resource files", { read, total });
    },
  });
  await source.load({ allowInvalid });
  return source;
}

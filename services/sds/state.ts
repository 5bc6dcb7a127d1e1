// SPDX-License-Identifier: Apache-2.0
/**
 * Where what lasts is kept, from the settings: in a data folder, in memory, or in a Redis that replicas
 * share; and the CA on it.
 * @module
 */
import { join } from "node:path";
import { ProblemError } from "@denvoy/base";
import { mainRedisSettings } from "@denvoy/redis";
import type { Runtime } from "@denvoy/runtime";
import { AesSealer } from "./adapters/aes_sealer.ts";
import { loadOutsideCa, type OutsideCaFiles } from "./adapters/configured_files.ts";
import { type OpenCa, openCa } from "./adapters/open_ca.ts";
import { openShared, type Shared } from "./adapters/open_shared.ts";
import { loadSealingSecret } from "./adapters/sealing_secret.ts";
import { SqliteAccessStore } from "./adapters/sqlite_access_store.ts";
import type { SdsConfig } from "./config.ts";
import { type AccessStore, MemoryAccessStore } from "./domain/access_store.ts";
import { followOutsideCa } from "./outside_ca.ts";

/** What lasts. */
export interface State extends AsyncDisposable {
  /** The CA, with its store. */
  readonly openedCa: OpenCa;
  /** Tokens and secrets of the API. */
  readonly store: AccessStore;
  /** Returns how many certificates are handed out and not written down yet. */
  readonly unwritten: () => number;
}

type SharedState = Shared & Pick<OpenCa, "store" | "sealer">;

/** The `--data-dir` of a service that is to forget everything when it stops. */
const NO_DATA_DIR = ":memory:";

/**
 * Opens it all. Rejects with ProblemError for settings and files that cannot be used, with StatusError as
 * {@linkcode openCa} and {@linkcode openShared} do.
 */
export async function openState(config: SdsConfig, runtime: Runtime): Promise<State> {
  await using opening = new AsyncDisposableStack();
  const shared = await openConfiguredShared(config, runtime);
  if (shared !== undefined) opening.use(shared);
  const openedCa = opening.use(await openConfiguredCa(config, { runtime, shared }));
  await shared?.remember();
  opening.use(await followConfiguredCa(config, { runtime, openedCa }));
  const store = shared?.accessStore ?? opening.use(openStore(config, runtime));
  const opened = opening.move();
  return {
    openedCa,
    store,
    unwritten: () => shared?.issued.unwritten ?? 0,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** What replicas share, where a Redis is given. */
async function openConfiguredShared(
  config: SdsConfig,
  { clock, logger, readiness }: Runtime,
): Promise<SharedState | undefined> {
  const { redisUrl: url, dataDir, keyPrefix = "" } = config;
  if (url === undefined) return undefined;
  const redis = mainRedisSettings({ ...config, url }, "denvoy-sds");
  const sealer = await AesSealer.create(await loadSealingSecret(sealingSource(config)));
  if (dataDir !== NO_DATA_DIR) await Deno.mkdir(dataDir, { recursive: true, mode: 0o700 });
  const shared = await openShared({
    ...{ redis, keyPrefix, sealer, clock, logger },
    ...(dataDir !== NO_DATA_DIR && { dataDir }),
    health: readiness.component("redis"),
    withoutRedisMs: config.issueWithoutRedisMs,
    maxLifeMs: config.certificateLifetimeMs,
  });
  return { ...shared, store: shared.caStore, sealer };
}

function sealingSource({ keyEncryptionFile: file, keyEncryptionKey: value }: SdsConfig) {
  return { ...(file !== undefined && { file }), ...(value !== undefined && { value }) };
}

async function openConfiguredCa(
  config: SdsConfig,
  { runtime: { clock, logger }, shared }: {
    readonly runtime: Runtime;
    readonly shared: Pick<OpenCa, "store" | "sealer"> | undefined;
  },
): Promise<OpenCa> {
  const { dataDir, keyEncryptionFile, keyEncryptionKey } = config;
  const files = outsideCaFiles(config);
  const outside = files && await loadOutsideCa(files);
  const unwrittenMs = config.issueWithoutRedisMs + config.certificateLifetimeMs;
  return await openCa({
    ...(outside !== undefined && { outside }),
    ...(shared !== undefined && { shared }),
    ...(dataDir !== NO_DATA_DIR && { dataDir }),
    settings: {
      trustDomain: config.trustDomain,
      keyType: config.caKeyType,
      rootLifetimeMs: config.rootLifetimeMs,
      signerLifetimeMs: config.signerLifetimeMs,
      leafLifetimeMs: config.certificateLifetimeMs,
      maxLeafLifetimeMs: config.maxCertificateLifetimeMs,
      overlapMs: config.rootOverlapMs,
      ...(shared !== undefined && { unwrittenMs }),
    },
    ...(keyEncryptionFile !== undefined && { sealingFile: keyEncryptionFile }),
    ...(keyEncryptionKey !== undefined && { sealingSecret: keyEncryptionKey }),
    clock,
    logger,
  });
}

async function followConfiguredCa(
  config: SdsConfig,
  { runtime, openedCa: { ca } }: { readonly runtime: Runtime; readonly openedCa: OpenCa },
): Promise<AsyncDisposable> {
  const files = outsideCaFiles(config);
  if (files === undefined) return new AsyncDisposableStack();
  return await followOutsideCa(ca, { files, runtime });
}

function outsideCaFiles({ caCert, caKey, caRoots }: SdsConfig): OutsideCaFiles | undefined {
  if ((caCert === undefined) !== (caKey === undefined)) {
    const message = "--ca-cert and --ca-key must be given together";
    throw new ProblemError([{ severity: "error", message }]);
  }
  if (caCert === undefined || caKey === undefined) return undefined;
  return { chain: caCert, key: caKey, roots: caRoots };
}

function openStore({ dataDir }: SdsConfig, { logger }: Runtime): AccessStore {
  return dataDir === NO_DATA_DIR
    ? new MemoryAccessStore()
    : new SqliteAccessStore(join(dataDir, "access.db"), logger);
}

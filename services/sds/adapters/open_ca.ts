// SPDX-License-Identifier: Apache-2.0
/**
 * Puts the built-in CA together: its file, its sealed keys, its randomness, and the ticks by which it
 * keeps itself up to date.
 * @module
 */
import { join } from "node:path";
import { type Clock, type Logger, ProblemError, type Timer } from "@denvoy/base";
import { BuiltInCa } from "../domain/ca/built_in_ca.ts";
import { type CaSettings, checkCaSettings } from "../domain/ca/ca_settings.ts";
import type { CaStore } from "../domain/ca/ca_store.ts";
import { MemoryCaStore } from "../domain/ca/memory_ca_store.ts";
import type { OutsideCa } from "../domain/ca/outside_authority.ts";
import type { KeyMaker, Sealer } from "../domain/ca/signing_key.ts";
import { AesSealer } from "./aes_sealer.ts";
import { KeyPool } from "./key_pool.ts";
import { nodePrimitives } from "./node_primitives.ts";
import { loadSealingSecret } from "./sealing_secret.ts";
import { SqliteCaStore } from "./sqlite_ca_store.ts";
import { WebCryptoKeys } from "./web_crypto_keys.ts";
import { X509LibraryReader } from "./x509_library_reader.ts";

/** What the CA is opened with. */
export interface OpenCaOptions {
  /** Folder of `sds.db` and, unless a secret is given, `sealing.key`; undefined keeps all in memory. */
  readonly dataDir?: string;
  /** What replicas share, in place of what is in the folder. */
  readonly shared?: Pick<OpenCa, "store" | "sealer">;
  /** What the operator decided. */
  readonly settings: CaSettings;
  /** File with the secret for keys at rest. */
  readonly sealingFile?: string;
  /** The secret for keys at rest itself; goes before the file. */
  readonly sealingSecret?: string;
  /** What time it is. */
  readonly clock: Clock;
  /** Told when the CA could not do what was due. */
  readonly logger: Logger;
  /** Makes keys. @default WebCrypto */
  readonly keys?: KeyMaker;
  /** Makes the keys of leaves. @default `keys`, with a few RSA keys in advance once one was asked for */
  readonly leafKeys?: KeyMaker;
  /** An intermediate of another CA that signs instead of roots of our own. */
  readonly outside?: OutsideCa;
}

/** An open CA with what shares its file. */
export interface OpenCa extends AsyncDisposable {
  /** The CA. */
  readonly ca: BuiltInCa;
  /** Its memory, for other sealed values. */
  readonly store: CaStore;
  /** Seals under the same secret. */
  readonly sealer: Sealer;
}

/** A step that is due is late by this at most. */
const TICK_MS = 10_000;
const DATABASE = "sds.db";

/**
 * Opens the CA, or makes one.
 *
 * Rejects with ProblemError for settings or a secret that cannot be used, with StatusError as
 * {@linkcode BuiltInCa.open} and {@linkcode SqliteCaStore} do.
 */
export async function openCa(options: OpenCaOptions): Promise<OpenCa> {
  const problems = checkCaSettings(options.settings);
  if (problems.length > 0) throw new ProblemError(problems);
  await using opening = new AsyncDisposableStack();
  const { store, sealer } = options.shared ?? await openOwn(options, opening);
  const { keys = new WebCryptoKeys() } = options;
  const ca = await BuiltInCa.open({
    keys,
    // Not for the CA's own keys: it needs two a month.
    leafKeys: options.leafKeys ?? opening.use(new KeyPool({ keys })),
    sealer,
    store,
    x509: new X509LibraryReader(),
    primitives: nodePrimitives,
    settings: options.settings,
    clock: options.clock,
    logger: options.logger,
    ...(options.outside !== undefined && { outside: options.outside }),
  });
  const ticks = opening.use(new MaintenanceTicks(ca, options));
  ticks.start();
  const open = opening.move();
  return { ca, store, sealer, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

async function openOwn(
  options: OpenCaOptions,
  opening: AsyncDisposableStack,
): Promise<Pick<OpenCa, "store" | "sealer">> {
  const sealer = await AesSealer.create(await sealingSecret(options));
  return { store: openStore(options.dataDir, opening), sealer };
}

async function sealingSecret(options: OpenCaOptions): Promise<Uint8Array> {
  const { dataDir, sealingFile, sealingSecret } = options;
  if (dataDir === undefined) return crypto.getRandomValues(new Uint8Array(32));
  await Deno.mkdir(dataDir, { recursive: true, mode: 0o700 });
  return await loadSealingSecret({
    dataDir,
    ...(sealingFile !== undefined && { file: sealingFile }),
    ...(sealingSecret !== undefined && { value: sealingSecret }),
  });
}

function openStore(dataDir: string | undefined, opening: AsyncDisposableStack): CaStore {
  if (dataDir === undefined) return new MemoryCaStore();
  return opening.adopt(new SqliteCaStore(join(dataDir, DATABASE)), (store) => store.close());
}

/** Lets the CA do what is due, again and again; closes only after what is under way has ended. */
class MaintenanceTicks implements AsyncDisposable {
  readonly #ca: BuiltInCa;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(ca: BuiltInCa, { clock, logger }: Pick<OpenCaOptions, "clock" | "logger">) {
    this.#ca = ca;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Begins. */
  start(): void {
    if (this.#closed) return;
    this.#timer = this.#clock.after(TICK_MS, () => {
      this.#running = this.#tick().finally(() => this.start());
    });
  }

  /** Ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#running;
  }

  async #tick(): Promise<void> {
    try {
      await this.#ca.maintain();
    } catch (error) {
      this.#logger.error("CA could not do what is due, and keeps what it has", { error });
    }
  }
}

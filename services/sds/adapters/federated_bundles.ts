// SPDX-License-Identifier: Apache-2.0
/**
 * The bundles of other trust domains, asked for again and again. The last good one counts until a newer
 * one comes, also after a restart.
 * @module
 */
import type { Clock, Logger, Timer } from "@denvoy/base";
import type { CaStore } from "../domain/ca/ca_store.ts";
import { EventListeners } from "../domain/ca/event_listeners.ts";
import type { Sealer } from "../domain/ca/signing_key.ts";
import {
  type FederatedDomain,
  type FederationState,
  isNewer,
  refreshDelayMs,
} from "../domain/federation.ts";
import type { TrustDomainBundle } from "../domain/secret_material.ts";
import type { SpiffeBundle } from "../domain/spiffe_bundle.ts";
import type { X509Reader } from "../domain/x509_reader.ts";
import { type FetchBundle, fetchSpiffeBundle } from "./spiffe_bundle_client.ts";

/** What bundles are fetched and kept with. */
export interface FederatedBundlesOptions {
  /** Whose bundles. */
  readonly domains: readonly FederatedDomain[];
  /** Where they are kept. */
  readonly store: Pick<CaStore, "readSealed" | "writeSealed" | "subscribe">;
  /** Seals them: not as they were secret, but so that nobody changes whom we trust. */
  readonly sealer: Sealer;
  /** When they are asked for. */
  readonly clock: Clock;
  /** Told of what failed. */
  readonly logger: Logger;
  /** Reads certificates. */
  readonly x509: X509Reader;
  /** Fetches. @default over HTTPS */
  readonly fetch?: FetchBundle;
}

/** Keeps the bundles of other trust domains up to date. */
export class FederatedBundles implements AsyncDisposable {
  readonly #options: FederatedBundlesOptions;
  readonly #states = new Map<string, FederationState>();
  readonly #timers = new Map<string, Timer>();
  readonly #running = new Set<Promise<void>>();
  readonly #listeners: EventListeners<string>;
  #closed = false;

  private constructor(options: FederatedBundlesOptions) {
    this.#options = options;
    this.#listeners = new EventListeners(options.logger);
  }

  /** Opens what was kept, and begins to ask. Does not wait for the first answers. */
  static async open(options: FederatedBundlesOptions): Promise<FederatedBundles> {
    const bundles = new FederatedBundles(options);
    for (const domain of options.domains) {
      const { trustDomain } = domain;
      bundles.#states.set(trustDomain, { trustDomain, ...await keptBundle(domain, options) });
      bundles.#start(domain);
    }
    options.store.subscribe((change) => {
      if (change.kind === "sealed") void bundles.#follow(change.name);
    });
    return bundles;
  }

  /** The bundles that are known. */
  current(): readonly TrustDomainBundle[] {
    return this.states().flatMap(({ trustDomain, bundle }) =>
      bundle === undefined ? [] : { trustDomain, bundlePem: bundle.bundlePem }
    );
  }

  /** How each federation stands. */
  states(): readonly FederationState[] {
    return [...this.#states.values()];
  }

  /** Tells of each trust domain whose bundle changed, until the returned function is called. */
  subscribe(listener: (trustDomain: string) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Asks all now; resolves when each has answered or failed. */
  async refresh(): Promise<void> {
    await Promise.all(this.#options.domains.map((domain) => this.#ask(domain)));
  }

  /** Asks no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    await Promise.all(this.#running);
  }

  #start(domain: FederatedDomain): void {
    const run = this.#ask(domain).finally(() => {
      this.#running.delete(run);
      this.#schedule(domain);
    });
    this.#running.add(run);
  }

  #schedule(domain: FederatedDomain): void {
    if (this.#closed) return;
    const { trustDomain } = domain;
    const delayMs = refreshDelayMs(this.#states.get(trustDomain) ?? { trustDomain });
    const timer = this.#options.clock.after(delayMs, () => this.#start(domain));
    this.#timers.set(trustDomain, timer);
  }

  async #ask(domain: FederatedDomain): Promise<void> {
    const { trustDomain } = domain;
    const { fetch = fetchSpiffeBundle, x509, clock, logger } = this.#options;
    const known = this.#states.get(trustDomain)?.bundle;
    try {
      const knownPem = known === undefined ? {} : { knownPem: known.bundlePem };
      const fetched = await fetch(domain, { x509, ...knownPem });
      const bundle = known === undefined || isNewer(fetched, known) ? fetched : known;
      if (!isSameBundle(bundle, known)) await this.#keep(trustDomain, bundle);
      this.#states.set(trustDomain, { trustDomain, bundle, fetchedAtMs: clock.nowMs() });
      if (bundle.bundlePem !== known?.bundlePem) this.#listeners.tell(trustDomain);
    } catch (error) {
      const problem = error instanceof Error ? error.message : "it cannot be fetched";
      logger.warn("cannot refresh trust bundle, keeping the last one", { trustDomain, problem });
      this.#states.set(trustDomain, { ...this.#states.get(trustDomain), trustDomain, problem });
    }
  }

  /** Another replica has fetched a bundle. */
  async #follow(entry: string): Promise<void> {
    const domain = this.#options.domains.find((each) => entryOf(each.trustDomain) === entry);
    if (domain === undefined || this.#closed) return;
    const { trustDomain } = domain;
    try {
      const { bundle } = await keptBundle(domain, this.#options);
      const state = this.#states.get(trustDomain);
      if (bundle === undefined || (state?.bundle && !isNewer(bundle, state.bundle))) return;
      this.#states.set(trustDomain, { ...state, trustDomain, bundle });
      if (bundle.bundlePem !== state?.bundle?.bundlePem) this.#listeners.tell(trustDomain);
    } catch (error) {
      this.#options.logger.error("cannot open trust bundle of another replica", { entry, error });
    }
  }

  async #keep(trustDomain: string, bundle: SpiffeBundle): Promise<void> {
    const { store, sealer } = this.#options;
    const entry = entryOf(trustDomain);
    const bytes = new TextEncoder().encode(JSON.stringify(bundle));
    await store.writeSealed(entry, await sealer.seal(bytes, entry));
  }
}

/** What every replica fetches is written down by the first alone. */
function isSameBundle(one: SpiffeBundle, other: SpiffeBundle | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

async function keptBundle(
  { trustDomain }: FederatedDomain,
  { store, sealer }: FederatedBundlesOptions,
): Promise<{ readonly bundle?: SpiffeBundle }> {
  const entry = entryOf(trustDomain);
  const sealed = store.readSealed(entry);
  if (sealed === undefined) return {};
  const bundle: SpiffeBundle = JSON.parse(
    new TextDecoder().decode(await sealer.open(sealed, entry)),
  );
  return { bundle };
}

function entryOf(trustDomain: string): string {
  return `trust bundle ${trustDomain}`;
}

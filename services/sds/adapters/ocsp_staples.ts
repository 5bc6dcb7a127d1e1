// SPDX-License-Identifier: Apache-2.0
/**
 * OCSP staples of certificates that ask for one, fetched and renewed from their responders. A fetch
 * that fails is tried again; the last staple counts until it ends by itself.
 * @module
 */
import type { Clock, Logger, Timer } from "@denvoy/base";
import { readPem } from "../domain/pem.ts";
import type { X509Reader } from "../domain/x509_reader.ts";
import { type FetchedStaple, fetchStaple } from "./ocsp_client.ts";

/** What staples are fetched with. */
export interface OcspStaplesOptions {
  /** Reads certificates. */
  readonly x509: X509Reader;
  /** Called when there is a new staple. */
  readonly onStaple: () => void;
  /** Where failures are logged. */
  readonly logger: Logger;
  /** Where time comes from. */
  readonly clock: Clock;
  /** Fetches. @default over HTTP */
  readonly fetch?: typeof fetchStaple;
}

interface Entry {
  staple: FetchedStaple | undefined;
  timer: Timer | undefined;
  /** Whether anybody asked since the last staple: a certificate that was replaced is let go of. */
  isWanted: boolean;
}

const RETRY_MS = 60_000;
const MAX_TIMER_MS = 2 ** 31 - 1;

/** All staples, by the fingerprint of the certificate. */
export class OcspStaples implements AsyncDisposable {
  readonly #options: OcspStaplesOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #running = new Set<Promise<void>>();
  readonly #abort = new AbortController();

  /** Nothing is fetched yet. */
  constructor(options: OcspStaplesOptions) {
    this.#options = options;
  }

  /** Returns the staple of a chain as far as there is one; it is fetched from the first call on. */
  get(chainPem: string): Uint8Array | undefined {
    const { x509 } = this.#options;
    const blocks = readPem(chainPem);
    if (!blocks.ok) return undefined;
    const [leaf] = blocks.value.map(({ der }) => x509.readCertificate(der));
    if (leaf === undefined) return undefined;
    const { fingerprint } = leaf.facts;
    const known = this.#entries.get(fingerprint);
    if (known !== undefined) {
      known.isWanted = true;
      return this.#usable(known.staple);
    }
    const entry: Entry = { staple: undefined, timer: undefined, isWanted: true };
    this.#entries.set(fingerprint, entry);
    this.#start(fingerprint, { entry, chainPem });
    return undefined;
  }

  /** One that has ended would have the whole secret refused. */
  #usable(staple: FetchedStaple | undefined): Uint8Array | undefined {
    const { notAfterMs = Infinity } = staple ?? {};
    return this.#options.clock.nowMs() < notAfterMs ? staple?.der : undefined;
  }

  /** Fetches nothing any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    for (const { timer } of this.#entries.values()) timer?.cancel();
    await Promise.all(this.#running);
  }

  #start(fingerprint: string, due: { readonly entry: Entry; readonly chainPem: string }): void {
    const run: Promise<void> = this.#fetch(fingerprint, due)
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #fetch(
    fingerprint: string,
    { entry, chainPem }: { readonly entry: Entry; readonly chainPem: string },
  ): Promise<void> {
    const { x509, clock, logger, onStaple, fetch = fetchStaple } = this.#options;
    const blocks = readPem(chainPem);
    const chain = (blocks.ok ? blocks.value : [])
      .flatMap(({ der }) => x509.readCertificate(der) ?? []);
    const { signal } = this.#abort;
    const fetched = await fetch(chain, { x509, nowMs: clock.nowMs(), signal });
    if (signal.aborted) return;
    let delayMs = RETRY_MS;
    if (fetched.ok) {
      entry.staple = fetched.value;
      delayMs = Math.max(RETRY_MS, fetched.value.renewAtMs - clock.nowMs());
      entry.isWanted = false;
      onStaple();
    } else logger.warn("cannot renew OCSP staple", { problem: fetched.error });
    const waitMs = Math.min(delayMs, MAX_TIMER_MS);
    entry.timer = clock.after(waitMs, () => {
      if (entry.isWanted) this.#start(fingerprint, { entry, chainPem });
      else this.#entries.delete(fingerprint);
    });
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What host names of endpoints stand for: an Envoy that is told a name ends itself, so that names are
 * resolved here. Of several addresses one is taken and kept while it is there; a name that cannot be
 * resolved keeps what it stood for.
 * @module
 */
import { lookup } from "node:dns/promises";
import type { Clock, Logger, Timer } from "@denvoy/base";
import { canonicalIp } from "../domain/ip_address.ts";

/** What a resolver works with. */
export interface NameResolverOptions {
  /** Returns the names that are wanted. */
  readonly names: () => ReadonlySet<string>;
  /** Takes all names that are known. */
  readonly onNames: (names: ReadonlyMap<string, string>) => void;
  /** Time between two looks, in milliseconds. */
  readonly refreshMs: number;
  /** Timers. */
  readonly clock: Clock;
  /** Where failures are logged. */
  readonly logger: Logger;
  /** Returns the addresses of a name. @default those of the system */
  readonly lookup?: (name: string) => Promise<readonly string[]>;
}

const AT_ONCE = 16;

/** Follows host names until it is disposed of. */
export class NameResolver implements AsyncDisposable {
  readonly #options: NameResolverOptions;
  readonly #failed = new Set<string>();
  #names: ReadonlyMap<string, string> = new Map();
  #timer: Timer | undefined;
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  /** Nothing is resolved before {@linkcode refresh}. */
  constructor(options: NameResolverOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** Names that cannot be resolved now. */
  get failed(): ReadonlySet<string> {
    return this.#failed;
  }

  /** Looks for all names now, e.g. since new ones are wanted. Never rejects. */
  refresh(): Promise<void> {
    this.#work = this.#work.then(() => this.#look());
    return this.#work;
  }

  /** Ends the looking. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#work;
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.after(this.#options.refreshMs, async () => {
      await this.refresh();
      this.#schedule();
    });
  }

  async #look(): Promise<void> {
    const wanted = [...this.#options.names()];
    const found = new Map<string, string>();
    for (let at = 0; at < wanted.length && !this.#closed; at += AT_ONCE) {
      const batch = wanted.slice(at, at + AT_ONCE);
      const ips = await Promise.all(batch.map((name) => this.#resolve(name)));
      for (const [index, name] of batch.entries()) {
        const ip = ips[index] ?? this.#names.get(name);
        if (ip !== undefined) found.set(name, ip);
      }
    }
    if (this.#closed || isSame(found, this.#names)) return;
    this.#names = found;
    this.#options.onNames(found);
  }

  async #resolve(name: string): Promise<string | undefined> {
    try {
      const ips = await (this.#options.lookup ?? systemLookup)(name);
      const canonical = ips.map(canonicalIp).filter((ip) => ip !== undefined);
      const known = this.#names.get(name);
      this.#failed.delete(name);
      return known !== undefined && canonical.includes(known) ? known : canonical[0];
    } catch (error) {
      if (!this.#failed.has(name)) {
        this.#options.logger.warn("cannot resolve host name of endpoint", { name, error });
      }
      this.#failed.add(name);
      return undefined;
    }
  }
}

async function systemLookup(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true });
  // IPv4 first, as Envoy does by default where a name has both.
  return found.toSorted((a, b) => a.family - b.family).map(({ address }) => address);
}

function isSame(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, ip]) => b.get(name) === ip);
}

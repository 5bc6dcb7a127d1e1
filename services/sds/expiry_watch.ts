// SPDX-License-Identifier: Apache-2.0
/**
 * Says before secrets end that nobody renews here: in the log, once for each content, and by
 * readiness.
 * @module
 */
import type { Timer } from "@denvoy/base";
import type { ComponentHealth, Runtime } from "@denvoy/runtime";
import type { SecretBook } from "./domain/secret_book.ts";
import { daysLeft, expiryOf } from "./domain/secret_expiry.ts";

/** What is watched. */
export interface ExpiryWatchParts {
  /** The secrets. */
  readonly book: SecretBook;
  /** What the process gives. */
  readonly runtime: Runtime;
  /** How long before its end a secret is warned of. */
  readonly warnBeforeMs: number;
}

const LOOK_MS = 60_000;
const MAX_SHOWN = 10;

/** Looks again and again until it is disposed of. */
export class ExpiryWatch implements Disposable {
  readonly #parts: ExpiryWatchParts;
  readonly #health: ComponentHealth;
  #warned = new Set<string>();
  #timer: Timer | undefined;

  /** Looks at once. */
  constructor(parts: ExpiryWatchParts) {
    this.#parts = parts;
    this.#health = parts.runtime.readiness.component("expiry");
    this.#look();
  }

  /** Looks no more. */
  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const { book, runtime: { clock, logger }, warnBeforeMs } = this.#parts;
    const nowMs = clock.nowMs();
    const warned = new Set<string>();
    const names: string[] = [];
    for (const { name, source, resource, checked: { facts } } of book.list()) {
      const notAfterMs = expiryOf(facts);
      // What the CA makes is renewed long before.
      if (source === "ca" || notAfterMs === undefined || notAfterMs - nowMs > warnBeforeMs) {
        continue;
      }
      const key = `${name}@${resource.version}`;
      const notAfter = new Date(notAfterMs).toISOString();
      const left = daysLeft(notAfterMs, nowMs);
      if (!this.#warned.has(key)) {
        logger.warn("secret ends soon", { name, notAfter, daysLeft: left });
      }
      warned.add(key);
      names.push(`${name} (${left} days left)`);
    }
    this.#warned = warned;
    if (names.length === 0) this.#health.ok();
    else this.#health.degraded(`ends soon: ${names.slice(0, MAX_SHOWN).join(", ")}`);
    this.#timer = clock.after(LOOK_MS, () => this.#look());
  }
}

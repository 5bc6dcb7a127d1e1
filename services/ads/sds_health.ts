// SPDX-License-Identifier: Apache-2.0
/**
 * How sds is, as the streams of many nodes see it.
 * @module
 */
import type { Logger } from "@denvoy/base";
import type { ComponentHealth } from "@denvoy/runtime";

/** One stream to sds. */
export interface SdsMember {
  /** Says why there is no connection; undefined when there is one. */
  report(failure: string | undefined): void;
  /** The stream is no longer needed. */
  leave(): void;
}

/** Sums up streams to sds. What nodes have stays while sds is away: that is no failure of ads. */
export class SdsHealth {
  readonly #health: ComponentHealth;
  readonly #logger: Logger;
  readonly #failures = new Map<SdsMember, string>();
  #members = 0;

  /** All is well while nobody asks. The log has a line when that ends, and when it is so again. */
  constructor(health: ComponentHealth, logger: Logger) {
    this.#health = health;
    this.#logger = logger;
    this.#tell();
  }

  /** Adds a stream; all is well with it until it says otherwise. */
  join(): SdsMember {
    this.#members++;
    const member: SdsMember = {
      report: (failure) => {
        if (this.#failures.get(member) === failure) return;
        const before = this.#failures.size;
        if (failure === undefined) this.#failures.delete(member);
        else this.#failures.set(member, failure);
        this.#log(before, failure);
        this.#tell();
      },
      leave: () => {
        this.#members--;
        this.#failures.delete(member);
        this.#tell();
      },
    };
    this.#tell();
    return member;
  }

  #log(before: number, detail: string | undefined): void {
    if (before === 0 && detail !== undefined) {
      this.#logger.warn("no connection to sds: nodes keep the secrets that they have", { detail });
    }
    if (before > 0 && this.#failures.size === 0) this.#logger.info("connected to sds again");
  }

  #tell(): void {
    const [failure] = this.#failures.values();
    if (failure === undefined) return this.#health.ok(`asked for ${this.#members} streams`);
    const count = `${this.#failures.size} of ${this.#members} streams`;
    this.#health.degraded(
      `${count} have no connection to sds, and the secrets they had: ${failure}`,
    );
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * How what replicas share is, for readiness and the log.
 * @module
 */
import type { Logger } from "@denvoy/base";
import type { ComponentHealth } from "@denvoy/runtime";

/** Puts together what is told of Redis. */
export class SharedHealth {
  readonly #health: ComponentHealth;
  readonly #logger: Logger;
  #trouble: string | undefined;
  #strange: string | undefined;
  #wasHeard = false;

  /** Nothing was heard yet. */
  constructor(health: ComponentHealth, logger: Logger) {
    this.#health = health;
    this.#logger = logger;
  }

  /** Redis went away, and why; or, with undefined, it is back. */
  trouble(trouble: string | undefined): void {
    if (trouble !== undefined && this.#trouble === undefined && this.#wasHeard) {
      this.#logger.warn("Redis is away, what is known is served", { trouble });
    }
    if (trouble === undefined && this.#wasHeard) this.#logger.info("Redis is back");
    this.#trouble = trouble;
    this.#wasHeard ||= trouble === undefined;
    this.#tell();
  }

  /** Redis holds what cannot be gone on with, and why; or, with undefined, no more. */
  strange(why: string | undefined): void {
    if (why !== undefined) this.#logger.error("CA in Redis is not the one that is served", { why });
    this.#strange = why;
    this.#tell();
  }

  #tell(): void {
    if (this.#strange !== undefined) this.#health.failed(`issues nothing: ${this.#strange}`);
    else if (this.#trouble === undefined) this.#health.ok();
    else if (this.#wasHeard) this.#health.degraded(`goes on with what it knows: ${this.#trouble}`);
    else this.#health.failed(`Redis has not answered yet: ${this.#trouble}`);
  }
}

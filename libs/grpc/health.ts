// SPDX-License-Identifier: Apache-2.0
/**
 * Health of the server and of each of its services, as grpc.health.v1 tells it.
 * @module
 */
import type { MethodImplementation } from "./port.ts";

/** Keeps what is serving, and tells those who watch. */
export class HealthService {
  readonly #serving = new Map<string, boolean>();
  #down = false;

  /** The server (`""`) and each service are serving at first. */
  constructor(services: Iterable<string>) {
    this.#serving.set("", true);
    for (const service of services) this.#serving.set(service, true);
  }

  /** Sets the answer for a service name; `""` is the whole server. */
  set(service: string, serving: boolean): void {
    if (!this.#down) this.#serving.set(service, serving);
  }

  /** Answers NOT_SERVING for every service from now on. */
  shutDown(): void {
    this.#down = true;
    for (const service of this.#serving.keys()) this.#serving.set(service, false);
  }

  /** The RPCs of grpc.health.v1.Health. */
  methods(): readonly MethodImplementation[] {
    return [];
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Health of a server and of each of its services, as grpc.health.v1 tells it: asked once, listed,
 * or watched.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import { type MessageOf, serviceMethods } from "@denvoy/proto";
import { type CallContext, implement, type MethodImplementation } from "./port.ts";

type CheckRequest = MessageOf<"grpc.health.v1.HealthCheckRequest">;
type CheckResponse = MessageOf<"grpc.health.v1.HealthCheckResponse">;
type ListResponse = MessageOf<"grpc.health.v1.HealthListResponse">;

/** Values of `grpc.health.v1.HealthCheckResponse.ServingStatus`. */
const servingStatus = { serving: 1, notServing: 2, serviceUnknown: 3 } as const;

/** Keeps what is serving, and tells those who ask or watch. */
export class HealthService {
  readonly #serving = new Map<string, boolean>();
  readonly #watchers = new Set<() => void>();
  #down = false;

  /** The server (`""`) and each of the services are serving at first. */
  constructor(services: Iterable<string>) {
    this.#serving.set("", true);
    for (const service of services) this.#serving.set(service, true);
  }

  /** Sets the answer for a service name; `""` is the whole server. No effect after `shutDown`. */
  set(service: string, serving: boolean): void {
    if (this.#down) return;
    this.#serving.set(service, serving);
    this.#tellWatchers();
  }

  /** Answers NOT_SERVING for every service from now on. */
  shutDown(): void {
    this.#down = true;
    for (const service of this.#serving.keys()) this.#serving.set(service, false);
    this.#tellWatchers();
  }

  /** The RPCs of grpc.health.v1.Health. */
  methods(): readonly MethodImplementation[] {
    const { Check, List, Watch } = serviceMethods("grpc.health.v1.Health");
    return [
      implement(Check, (request: CheckRequest) => this.#check(request.service)),
      implement(List, () => this.#list()),
      implement(
        Watch,
        (request: CheckRequest, { signal }: CallContext) => this.#watch(request.service, signal),
      ),
    ];
  }

  #check(service: string): CheckResponse {
    const status = this.#statusOf(service);
    if (status !== servingStatus.serviceUnknown) return { status };
    throw new StatusError(StatusCode.NOT_FOUND, "unknown service");
  }

  #list(): ListResponse {
    const names = [...this.#serving.keys()];
    return {
      statuses: Object.fromEntries(names.map((name) => [name, { status: this.#statusOf(name) }])),
    };
  }

  /** Sends the status at first and after each change; what changes meanwhile is left out. */
  async *#watch(service: string, signal: AbortSignal): AsyncGenerator<CheckResponse> {
    let last: number | undefined;
    while (!signal.aborted) {
      const status = this.#statusOf(service);
      if (status === last) await this.#nextChange(signal);
      else yield { status };
      last = status;
    }
  }

  #statusOf(service: string): CheckResponse["status"] {
    const serving = this.#serving.get(service);
    if (serving === undefined) return servingStatus.serviceUnknown;
    return serving ? servingStatus.serving : servingStatus.notServing;
  }

  #nextChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#watchers.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#watchers.add(wake);
      signal.addEventListener("abort", wake);
    });
  }

  #tellWatchers(): void {
    for (const wake of [...this.#watchers]) wake();
  }
}

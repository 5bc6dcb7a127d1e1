// SPDX-License-Identifier: Apache-2.0
/**
 * What every gRPC server answers beside its own methods: health (grpc.health.v1) and reflection
 * (v1 and v1alpha). Both adapters add exactly this.
 * @module
 */
import type { MethodImplementation } from "./port.ts";
import { HealthService } from "./health.ts";

/** Decides what grpc.health.v1 answers. */
export interface ServingStatus {
  /** Sets the answer for a service name; `""` is the whole server. */
  set(service: string, serving: boolean): void;
  /** Answers NOT_SERVING for every service from now on, whatever `set` says later. */
  shutDown(): void;
}

/** The methods of a server, complete. */
export interface CompleteMethods {
  /** Those given, and those that every server has. */
  readonly methods: readonly MethodImplementation[];
  /** Decides what health answers; at first every service given is serving. */
  readonly serving: ServingStatus;
}

/** Returns the methods together with health and reflection. */
export function withStandardMethods(methods: readonly MethodImplementation[]): CompleteMethods {
  const services = new Set(methods.map(({ definition }) => definition.service));
  const health = new HealthService(services);
  return { methods: [...methods, ...health.methods()], serving: health };
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What every gRPC server answers beside its own methods: health (grpc.health.v1) and reflection
 * (v1 and v1alpha). Both adapters add exactly this.
 * @module
 */
import { HealthService } from "./health.ts";
import type { MethodImplementation } from "./port.ts";
import { reflectionMethods } from "./reflection.ts";

const standardServices = [
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
];

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

/**
 * Returns the methods together with health and reflection. A service that is given replaces the one
 * that would be added under its name.
 */
export function withStandardMethods(methods: readonly MethodImplementation[]): CompleteMethods {
  const given = new Set(methods.map(({ definition }) => definition.service));
  const serving = new HealthService(given);
  const services = [...new Set([...given, ...standardServices])].sort();
  const standard = [...serving.methods(), ...reflectionMethods(services)];
  const added = standard.filter(({ definition }) => !given.has(definition.service));
  return { methods: [...methods, ...added], serving };
}

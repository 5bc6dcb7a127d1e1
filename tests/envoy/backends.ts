// SPDX-License-Identifier: Apache-2.0
/**
 * Several backends at once.
 * @module
 */
import { type Backend, startBackend } from "../support/mod.ts";

/** Running backends by name. Disposing them stops all. */
export interface Backends<Name extends string> extends AsyncDisposable {
  /** Their ports. */
  readonly ports: Readonly<Record<Name, number>>;
}

/** Starts a backend for each name; it answers every request with its name. */
export function startBackends<Name extends string>(...names: readonly Name[]): Backends<Name> {
  const backends = new Map<Name, Backend>(names.map((name) => [name, startBackend(name)]));
  const ports = Object.fromEntries([...backends].map(([name, { port }]) => [name, port]));
  return {
    ports: ports as Record<Name, number>,
    async [Symbol.asyncDispose]() {
      await Promise.all([...backends.values()].map((backend) => backend[Symbol.asyncDispose]()));
    },
  };
}

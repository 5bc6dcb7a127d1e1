// SPDX-License-Identifier: Apache-2.0
/**
 * What one client has of one type. Streams that hold the same resources share one map; a stream has
 * only what differs from it to itself.
 * @module
 */
import { type Fingerprint, fingerprintOf } from "./encoded_resource.ts";
import type { Resource } from "./resource.ts";
import type { ResponseBody } from "./response_body.ts";

const NOTHING: ReadonlyMap<string, Resource> = new Map();
/** Below this many own entries it is not worth copying the shared map. */
const MIN_OWN = 64;

/** The resources that a client accepted, by name, with a running hash of the set. */
export class KnownResources {
  #shared: ReadonlyMap<string, Resource> = NOTHING;
  /** What differs from `#shared`; `undefined` as a value hides an entry. */
  #own: Map<string, Resource | undefined> | undefined;
  #size = 0;
  #low = 0;
  #high = 0;

  /** Number of resources. */
  get size(): number {
    return this.#size;
  }

  /** Sum of the fingerprints of all resources. */
  get fingerprint(): Fingerprint {
    return { low: this.#low, high: this.#high };
  }

  /** Returns the resource of this name, if the client has it. */
  get(name: string): Resource | undefined {
    const own = this.#own;
    if (own === undefined) return this.#shared.get(name);
    return own.get(name) ?? (own.has(name) ? undefined : this.#shared.get(name));
  }

  /** Tells whether the client has a resource of this name. */
  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Adds or replaces a resource. */
  set(resource: Resource): void {
    const old = this.get(resource.name);
    if (old === resource) return;
    if (old === undefined) this.#size++;
    else this.#count(old, -1);
    this.#count(resource, 1);
    (this.#own ??= new Map()).set(resource.name, resource);
    this.#compact();
  }

  /** Forgets a resource; tells whether there was one. */
  delete(name: string): boolean {
    const old = this.get(name);
    if (old === undefined) return false;
    this.#size--;
    this.#count(old, -1);
    if (this.#shared.has(name)) (this.#own ??= new Map()).set(name, undefined);
    else this.#own?.delete(name);
    return true;
  }

  /** Adds all resources of a body; the first one costs nothing but a reference. */
  add(body: ResponseBody): void {
    if (this.#size === 0) this.replace(body);
    else for (const resource of body.resources) this.set(resource);
  }

  /** Holds exactly the resources of a body from now on. */
  replace(body: ResponseBody): void {
    this.#shared = body.byName;
    this.#own = undefined;
    this.#size = this.#shared.size;
    this.#low = body.fingerprint.low;
    this.#high = body.fingerprint.high;
  }

  /** Returns all resources, those of the shared map first. */
  *values(): Generator<Resource> {
    const own = this.#own;
    for (const resource of this.#shared.values()) {
      if (own === undefined || !own.has(resource.name)) yield resource;
    }
    if (own === undefined) return;
    for (const resource of own.values()) if (resource !== undefined) yield resource;
  }

  /** Returns the fingerprint that the set would have with these changes. */
  fingerprintWith(sent: Iterable<Resource>, removed: Iterable<string>): Fingerprint {
    let { low, high } = this.fingerprint;
    const count = (resource: Resource | undefined, sign: number) => {
      if (resource === undefined) return;
      const fingerprint = fingerprintOf(resource);
      low = low + sign * fingerprint.low | 0;
      high = high + sign * fingerprint.high | 0;
    };
    for (const resource of sent) {
      const old = this.get(resource.name);
      if (old === resource) continue;
      count(old, -1);
      count(resource, 1);
    }
    for (const name of removed) count(this.get(name), -1);
    return { low, high };
  }

  #count(resource: Resource, sign: number): void {
    const fingerprint = fingerprintOf(resource);
    this.#low = this.#low + sign * fingerprint.low | 0;
    this.#high = this.#high + sign * fingerprint.high | 0;
  }

  /** Merges the two maps once the own one has grown, so that reads stay at one look-up. */
  #compact(): void {
    const own = this.#own;
    if (own === undefined || own.size < MIN_OWN || own.size * 2 < this.#shared.size) return;
    if (this.#shared.size === 0) return;
    const merged = new Map<string, Resource>();
    for (const resource of this.values()) merged.set(resource.name, resource);
    this.#shared = NOTHING;
    this.#own = merged;
  }
}

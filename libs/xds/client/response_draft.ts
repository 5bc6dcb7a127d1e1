// SPDX-License-Identifier: Apache-2.0
/**
 * Reads a response of either variant: what in it is new to the client, what is gone, what cannot be
 * taken whoever reads it.
 * @module
 */
import { globPrefix } from "../subscription.ts";
import type { Absence, ClientResource, Offer } from "./client_events.ts";
import type { ClientTypeState } from "./client_state.ts";
import type { ReceivedAny, ReceivedDelta, ReceivedError, ReceivedSotw } from "./received.ts";
import { bytesField, textField } from "./wire_reader.ts";

/** What a response means to a client. */
export interface Draft extends Offer {
  /** Its nonce. */
  readonly nonce: string;
  /** `version_info` or `system_version_info`. */
  readonly versionInfo: string;
  /** Resources with the content that was accepted already. */
  readonly unchanged: readonly ClientResource[];
  /** What breaks the protocol: by name, or by place where there is no name. */
  readonly problems: ReadonlyMap<string, string>;
  /** Names that are asked for and that the server says it does not have. */
  readonly absences: readonly Absence[];
}

const WRAPPER_TYPE_URL = "type.googleapis.com/envoy.service.discovery.v3.Resource";
/** Fields of envoy.service.discovery.v3.Resource. */
const WRAPPED_RESOURCE = 2;
const WRAPPED_NAME = 3;
/** The name of every type that SotW knows (`cluster_name` of ClusterLoadAssignment). */
const NAME = 1;
const NO_BYTES = new Uint8Array(0);
const GONE = "resource was removed";
const MISSING = "resource does not exist";

/** What a response is read with. */
export interface ReadContext {
  /** Its type. */
  readonly type: ClientTypeState;
  /** Resources that are kept at most. */
  readonly maxResources: number;
}

/** Reads a Delta response. */
export function readDelta(context: ReadContext, response: ReceivedDelta): Draft {
  const { type } = context;
  const pile = new Pile(context);
  for (const [index, { name, version, resource }] of (response.resources ?? []).entries()) {
    if (resource) pile.add({ name: name ?? undefined, version: version ?? "", resource, index });
    // A heartbeat of what is there; else a name that does not exist (VHDS "Subscribing").
    else if (name && !type.accepted.has(name)) pile.absent(name, MISSING);
  }
  const removed = response.removedResourceNames?.flatMap(({ name }) => name ? [name] : []) ?? [];
  for (const name of [...response.removedResources ?? [], ...removed]) pile.remove(name);
  pile.refuse(response.resourceErrors);
  return pile.draft(response.nonce ?? "", response.systemVersionInfo ?? "");
}

/** Reads a SotW response; of types whose responses are complete, what it leaves out is gone. */
export function readSotw(context: ReadContext, response: ReceivedSotw): Draft {
  const pile = new Pile(context);
  for (const [index, any] of (response.resources ?? []).entries()) {
    pile.add({ ...unwrap(any), version: "", index });
  }
  if (context.type.policy.fullState) pile.removeOthers();
  pile.refuse(response.resourceErrors);
  return pile.draft(response.nonce ?? "", response.versionInfo ?? "");
}

interface Arrival {
  /** Undefined where the bytes are to tell it. */
  readonly name?: string | undefined;
  readonly version: string;
  readonly resource: ReceivedAny;
  readonly index: number;
}

/** SotW may wrap a resource, too (xds_protocol "SotW TTL"). */
function unwrap(any: ReceivedAny): Pick<Arrival, "name" | "resource"> {
  if (any.typeUrl !== WRAPPER_TYPE_URL) return { resource: any };
  const wrapper = any.value ?? NO_BYTES;
  const inner = bytesField(wrapper, WRAPPED_RESOURCE) ?? NO_BYTES;
  return {
    name: textField(wrapper, WRAPPED_NAME),
    resource: { typeUrl: textField(inner, 1), value: bytesField(inner, 2) },
  };
}

/** What a response holds, sorted by what it means. */
class Pile {
  readonly #type: ClientTypeState;
  readonly #maxResources: number;
  readonly #resources = new Map<string, ClientResource>();
  readonly #unchanged: ClientResource[] = [];
  readonly #removed = new Set<string>();
  readonly #problems = new Map<string, string>();
  readonly #absences = new Map<string, Absence>();
  readonly #seen = new Set<string>();

  constructor({ type, maxResources }: ReadContext) {
    this.#type = type;
    this.#maxResources = maxResources;
  }

  add({ name: given, version, resource, index }: Arrival): void {
    const { subscription, accepted, typeUrl } = this.#type;
    const value = resource.value ?? NO_BYTES;
    const name = given || textField(value, NAME);
    if (name === undefined) {
      this.#problems.set(`resources[${index}]`, "must have a name");
      return;
    }
    if (!subscription.wants(name)) return;
    if (this.#seen.has(name)) {
      this.#problems.set(name, "must be in a response once: is there twice");
    }
    this.#seen.add(name);
    if (resource.typeUrl !== typeUrl) {
      this.#problems.set(name, `must be of type ${typeUrl}: is ${resource.typeUrl || "of none"}`);
      return;
    }
    const next: ClientResource = { typeUrl, name, version, value };
    const before = accepted.get(name);
    if (before !== undefined && isEqual(before.value, value)) this.#unchanged.push(next);
    else if (before === undefined && accepted.size + this.#resources.size >= this.#maxResources) {
      this.#problems.set(name, `must be one of at most ${this.#maxResources} resources`);
    } else this.#resources.set(name, next);
  }

  remove(name: string): void {
    if (this.#type.accepted.has(name)) this.#removed.add(name);
    this.absent(name, this.#type.accepted.has(name) ? GONE : MISSING);
  }

  /** Everything that is accepted or listed, and was not in this response. */
  removeOthers(): void {
    for (const name of this.#type.accepted.keys()) if (!this.#seen.has(name)) this.remove(name);
    for (const name of this.#type.singleNames()) if (!this.#seen.has(name)) this.remove(name);
  }

  absent(name: string, reason: string): void {
    if (!this.#type.subscription.lists(name) || globPrefix(name) !== undefined) return;
    this.#absences.set(name, { name, reason });
  }

  refuse(errors: readonly ReceivedError[] | null | undefined): void {
    for (const { resourceName: key, errorDetail } of errors ?? []) {
      const name = key?.name ?? "";
      if (!this.#seen.has(name)) this.absent(name, errorDetail?.message || MISSING);
    }
  }

  draft(nonce: string, versionInfo: string): Draft {
    for (const name of this.#problems.keys()) this.#resources.delete(name);
    return {
      nonce,
      versionInfo,
      resources: [...this.#resources.values()],
      unchanged: this.#unchanged.filter(({ name }) => !this.#problems.has(name)),
      removed: [...this.#removed].filter((name) => !this.#seen.has(name)),
      problems: this.#problems,
      absences: [...this.#absences.values()].filter(({ name }) => !this.#seen.has(name)),
    };
  }
}

/** In SotW all resources of a type are compared with each response: a call for each byte shows. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false;
  for (let index = 0; index < a.byteLength; index++) {
    if (a[index] !== b[index]) return false;
  }
  return true;
}

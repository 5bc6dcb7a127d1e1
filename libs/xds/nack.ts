// SPDX-License-Identifier: Apache-2.0
/**
 * Finds out which resource of a rejected response is the cause. Envoy names it for clusters and
 * listeners; where nothing is named, the candidates are sent again in smaller groups.
 * @module
 */
import type { ErrorDetail } from "./discovery_request.ts";
import type { Resource } from "./resource.ts";
import type { NackDetail } from "./stream_events.ts";
import type { InFlight, ParkedVersion, TypeState } from "./stream_state.ts";

/** Into how many groups suspects are divided: up to this many are tried one by one. */
const FAN_OUT = 16;
const MAX_MESSAGE_CHARACTERS = 4096;
/** Rejected versions remembered for each name, and names remembered for each type. */
const MAX_PARKED_VERSIONS = 16;
const MAX_PARKED_NAMES = 10_000;

/** Who is to blame for a NACK. */
export interface Blame {
  /** Surely the cause. */
  readonly culprits: readonly Resource[];
  /** One of these is the cause; empty when the culprits are known. */
  readonly suspects: readonly Resource[];
  /** Not the cause: the client uses them. */
  readonly innocents: readonly Resource[];
}

/** Returns the words of a NACK, or `undefined` if the request is none. */
export function nackDetail(error: ErrorDetail | null | undefined): NackDetail | undefined {
  if (!error || !error.code && !error.message) return undefined;
  return {
    code: error.code ?? 0,
    message: (error.message ?? "").slice(0, MAX_MESSAGE_CHARACTERS),
  };
}

/**
 * Returns who is to blame. Only what the client did not have before is suspected, unless there was
 * nothing new in the response at all. Nobody is, if it did nothing but remove.
 */
export function blame(type: TypeState, inFlight: InFlight, message: string): Blame {
  const { resources } = inFlight.body;
  const fresh = resources.filter(({ name, version }) => type.known.get(name)?.version !== version);
  const candidates = fresh.length > 0 || inFlight.removed.length > 0 ? fresh : resources;
  if (candidates.length <= 1) return { culprits: candidates, suspects: [], innocents: [] };
  const named = candidates.filter(({ name }) => isNamed(name, message));
  if (named.length === 0) return { culprits: [], suspects: candidates, innocents: [] };
  const innocents = candidates.filter((resource) => !named.includes(resource));
  return { culprits: named, suspects: [], innocents };
}

/** Divides suspects into groups, each to be sent alone; a few are sent one by one. */
export function suspectGroups(suspects: readonly Resource[]): readonly (readonly Resource[])[] {
  const size = Math.ceil(suspects.length / FAN_OUT);
  const groups: (readonly Resource[])[] = [];
  for (let start = 0; start < suspects.length; start += size) {
    groups.push(suspects.slice(start, start + size));
  }
  return groups;
}

/** Remembers that this client does not take this version. */
export function park(type: TypeState, version: ParkedVersion): void {
  const { name } = version.resource;
  const parked = type.parked ??= new Map();
  const before = parked.get(name) ?? [];
  parked.delete(name);
  parked.set(name, [...before, version].slice(-MAX_PARKED_VERSIONS));
  if (parked.size <= MAX_PARKED_NAMES) return;
  const [oldest] = parked.keys();
  if (oldest !== undefined) parked.delete(oldest);
}

/**
 * Tells whether Envoy's summary blames this resource: `Error adding/updating listener(s) a: why`,
 * a further one on a line of its own. A name inside a reason does not count.
 */
function isNamed(name: string, message: string): boolean {
  const entry = `${name}: `;
  for (let at = message.indexOf(entry); at >= 0; at = message.indexOf(entry, at + 1)) {
    const before = message.slice(0, at);
    if (before === "" || before.endsWith("\n")) return true;
    if (/\badding\/updating [a-z]+\(s\) $/.test(before)) return true;
  }
  return false;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Joins endpoints that registered themselves, and what health checkers say of any endpoint, with the
 * load assignment that is served anyway. Each endpoint is encoded once, when it registers; joining
 * copies bytes and decodes nothing.
 *
 * Endpoints go to the locality of equal name and priority, or to a new one whose weight is the sum
 * of theirs. A registered endpoint takes the place of a static one with the same address and port.
 * A verdict takes the place of an endpoint's own health, unless that says that it drains.
 * @module
 */
import { joinBytes } from "@denvoy/base";
import { messageCodec } from "@denvoy/proto";
import type { Resource } from "@denvoy/xds";
import { contentVersion } from "@denvoy/xds";
import type { NodeLocality } from "./node_selector.ts";
import { LOAD_ASSIGNMENT } from "./resource_types.ts";
import {
  bytesField,
  lengthDelimited,
  lengthHeader,
  varintField,
  varintOf,
  wireFields,
} from "./wire_fields.ts";

/** An encoded endpoint of a load assignment. */
interface FramedEndpoint {
  /** `address:port`, which no two endpoints of a load assignment may share; absent for a pipe. */
  readonly socket: string | undefined;
  /** The encoded `LbEndpoint`. */
  readonly value: Uint8Array;
  /** The same as a field of LocalityLbEndpoints. */
  readonly raw: Uint8Array;
}

/** An endpoint ready to be joined, see {@linkcode frameEndpoint}. */
export interface EncodedEndpoint extends FramedEndpoint {
  /** Its id within the cluster; orders endpoints, so that every replica has the same bytes. */
  readonly id: string;
  /** `address:port`. */
  readonly socket: string;
  /** Where it runs. */
  readonly locality: NodeLocality;
  /** Priority of its locality; 0 is highest. */
  readonly priority: number;
  /** Load balancing weight, 1 or more. */
  readonly weight: number;
}

/** What is laid over the load assignment of one cluster; immutable. */
export interface EndpointOverlay {
  /** The load assignment's name: `service_name` of the cluster, else its name. */
  readonly name: string;
  /** Registered endpoints, ordered by id. */
  readonly endpoints: readonly EncodedEndpoint[];
  /** Verdicts of health checkers by `address:port`, as numbers of config.core.v3.HealthStatus. */
  readonly verdicts: ReadonlyMap<string, number>;
}

/** `DRAINING` of config.core.v3.HealthStatus: somebody wants the endpoint to get no new requests. */
const DRAINING = 3;
/** Field numbers of ClusterLoadAssignment, LocalityLbEndpoints, LbEndpoint and the address in it. */
const CLA_ENDPOINTS = 2;
const LOCALITY = 1;
const LB_ENDPOINTS = 2;
const LOCALITY_PRIORITY = 5;
const LB_ENDPOINT_LIST = 7;
const LEDS_CONFIG = 8;
const HEALTH_STATUS = 2;
const MAX_UINT32 = 0xffffffff;

const claCodec = messageCodec("envoy.config.endpoint.v3.ClusterLoadAssignment");
const localityCodec = messageCodec("envoy.config.core.v3.Locality");
const groupCodec = messageCodec("envoy.config.endpoint.v3.LocalityLbEndpoints");

interface ParsedAssignment {
  /** All fields but the localities. */
  readonly rest: readonly Uint8Array[];
  readonly groups: readonly ParsedGroup[];
}

interface ParsedGroup {
  /** Names locality and priority; undefined for one that endpoints cannot be added to. */
  readonly key: string | undefined;
  /** All fields but the endpoints. */
  readonly rest: readonly Uint8Array[];
  readonly endpoints: readonly FramedEndpoint[];
}

/** Returns the endpoint ready to be joined; `value` is an encoded `LbEndpoint`. */
export function frameEndpoint(endpoint: Omit<EncodedEndpoint, "raw">): EncodedEndpoint {
  return { ...endpoint, raw: lengthDelimited(LB_ENDPOINTS, endpoint.value) };
}

const parsed = new WeakMap<Resource, ParsedAssignment>();

/**
 * Returns the load assignment with the overlay in it; `base` is what is there without. Without a base
 * and without registered endpoints there is none.
 */
export function joinOverlay(
  overlay: EndpointOverlay,
  base: Resource | undefined,
): Resource | undefined {
  if (base === undefined && overlay.endpoints.length === 0) return undefined;
  const parts = base === undefined ? noParts(overlay.name) : parseAssignment(base);
  const value = joinBytes(joinedChunks(overlay, parts));
  const ttl = base?.ttlMs === undefined ? {} : { ttlMs: base.ttlMs };
  return {
    typeUrl: LOAD_ASSIGNMENT,
    name: overlay.name,
    version: contentVersion({ typeUrl: LOAD_ASSIGNMENT, value, ...ttl }),
    value,
    references: base?.references ?? [],
    ...ttl,
  };
}

function noParts(clusterName: string): ParsedAssignment {
  return { rest: [claCodec.encode({ clusterName })], groups: [] };
}

/** The most placeholders that are kept; beyond that they are made anew. */
const MAX_PLACEHOLDERS = 100_000;
const placeholders = new Map<string, Resource>();

/** Returns the load assignment without endpoints; the same object for the same name. */
export function emptyAssignment(name: string): Resource {
  const known = placeholders.get(name);
  if (known !== undefined) return known;
  const value = claCodec.encode({ clusterName: name });
  const version = contentVersion({ typeUrl: LOAD_ASSIGNMENT, value });
  const made: Resource = { typeUrl: LOAD_ASSIGNMENT, name, version, value, references: [] };
  if (placeholders.size >= MAX_PLACEHOLDERS) placeholders.clear();
  placeholders.set(name, made);
  return made;
}

function joinedChunks(overlay: EndpointOverlay, base: ParsedAssignment): readonly Uint8Array[] {
  const sockets = new Set(overlay.endpoints.map(({ socket }) => socket));
  const added = Map.groupBy(overlay.endpoints, groupKey);
  const chunks = [...base.rest];
  for (const group of base.groups) {
    chunks.push(...framed([
      ...group.rest,
      ...group.endpoints.filter(({ socket }) => socket === undefined || !sockets.has(socket))
        .map((endpoint) => withVerdict(endpoint, overlay)),
      ...(added.get(group.key ?? "") ?? []).map((endpoint) => withVerdict(endpoint, overlay)),
    ]));
    // Of two groups with one key only the first gets the registered endpoints.
    if (group.key !== undefined) added.delete(group.key);
  }
  for (const key of [...added.keys()].sort()) {
    chunks.push(...newGroup(added.get(key) ?? [], overlay));
  }
  return chunks;
}

function newGroup(
  endpoints: readonly EncodedEndpoint[],
  overlay: EndpointOverlay,
): readonly Uint8Array[] {
  const [first] = endpoints;
  if (first === undefined) return [];
  const weight = endpoints.reduce((sum, endpoint) => sum + endpoint.weight, 0);
  const head = groupCodec.encode({
    locality: first.locality,
    priority: first.priority,
    loadBalancingWeight: { value: Math.min(weight, MAX_UINT32) },
  });
  return framed([head, ...endpoints.map((endpoint) => withVerdict(endpoint, overlay))]);
}

/** Returns the endpoint as a field; of two values of one field the last counts. */
function withVerdict(endpoint: FramedEndpoint, { verdicts }: EndpointOverlay): Uint8Array {
  const verdict = verdicts.get(endpoint.socket ?? "");
  if (verdict === undefined) return endpoint.raw;
  if (varintField(endpoint.value, HEALTH_STATUS) === DRAINING) return endpoint.raw;
  const health = varintOf(HEALTH_STATUS, verdict);
  return lengthDelimited(LB_ENDPOINTS, joinBytes([endpoint.value, health]));
}

function groupKey({ locality, priority }: EncodedEndpoint): string {
  return [locality.region, locality.zone, locality.subZone, priority].join("\0");
}

/** One locality of a load assignment, still in chunks. */
function framed(chunks: readonly Uint8Array[]): readonly Uint8Array[] {
  const length = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  return [lengthHeader(CLA_ENDPOINTS, length), ...chunks];
}

function parseAssignment(resource: Resource): ParsedAssignment {
  const known = parsed.get(resource);
  if (known !== undefined) return known;
  const rest: Uint8Array[] = [];
  const groups: ParsedGroup[] = [];
  for (const field of wireFields(resource.value)) {
    if (field.number === CLA_ENDPOINTS) groups.push(parseGroup(field.bytes));
    else rest.push(field.raw);
  }
  const assignment = { rest, groups };
  parsed.set(resource, assignment);
  return assignment;
}

function parseGroup(bytes: Uint8Array): ParsedGroup {
  const rest: Uint8Array[] = [];
  const endpoints: FramedEndpoint[] = [];
  let open = true;
  for (const field of wireFields(bytes)) {
    if (field.number === LB_ENDPOINTS) {
      endpoints.push({ socket: socketOf(field.bytes), value: field.bytes, raw: field.raw });
    } else {
      rest.push(field.raw);
      open &&= field.number !== LB_ENDPOINT_LIST && field.number !== LEDS_CONFIG;
    }
  }
  return { key: open ? groupKeyOf(bytes) : undefined, rest, endpoints };
}

function groupKeyOf(group: Uint8Array): string {
  const { region, zone, subZone } = localityCodec.decode(
    bytesField(group, LOCALITY) ?? new Uint8Array(0),
  );
  return [region, zone, subZone, varintField(group, LOCALITY_PRIORITY)].join("\0");
}

/** Follows `endpoint.address.socket_address` (1, 1, 1) to `address` (2) and `port_value` (3). */
function socketOf(lbEndpoint: Uint8Array): string | undefined {
  let message: Uint8Array | undefined = lbEndpoint;
  for (let depth = 0; depth < 3 && message !== undefined; depth++) message = bytesField(message, 1);
  if (message === undefined) return undefined;
  const address = bytesField(message, 2);
  if (address === undefined) return undefined;
  return `${new TextDecoder().decode(address)}:${varintField(message, 3)}`;
}

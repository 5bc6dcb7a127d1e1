// SPDX-License-Identifier: Apache-2.0
/**
 * The state of one stream: what is remembered for each type from one event to the next. Decides
 * nothing; see stream.ts.
 * @module
 */
import type { StatusCode } from "@denvoy/base";
import type { DiscoveryNode } from "./discovery_request.ts";
import type { ProtocolMode, Rendering } from "./encoded_resource.ts";
import { KnownResources } from "./known_resources.ts";
import type { Resource, TypeUrl } from "./resource.ts";
import type { ResponseBody, ResponseBodyCache } from "./response_body.ts";
import type { NackDetail } from "./stream_events.ts";
import { completeTuning, type StreamOptions, type StreamTuning } from "./stream_options.ts";
import { Subscription } from "./subscription.ts";
import { type TypePolicy, typePolicy, typeRank } from "./type_url.ts";
import type { Verdicts } from "./verdicts.ts";
import type { ResourceView } from "./view.ts";

/** A response that waits for its ACK or NACK. */
export interface InFlight {
  /** Its nonce. */
  readonly nonce: string;
  /** What is in it. */
  readonly body: ResponseBody;
  /** What it removes. */
  readonly removed: readonly string[];
  /** Its version_info. */
  readonly versionInfo: string;
  /** When it was handed to the transport. */
  readonly sentAtMs: number;
  /** When its oldest change was reported. */
  readonly changedAtMs: number | undefined;
  /** Something in it was unsubscribed from since. */
  narrowed: boolean;
}

/** A version that this client rejected. */
export interface ParkedVersion {
  /** What was rejected. */
  readonly resource: Resource;
  /** In whose words. */
  readonly detail: NackDetail;
  /** When (the clock of the events). */
  readonly atMs: number;
}

/** Why a name has to be looked at: its content may differ, or the client asked to be told. */
export type DirtyReason = "changed" | "asked";

/** All that is remembered of one type on one stream. Owned by `step`; read-only for others. */
export class TypeState {
  /** The type. */
  readonly typeUrl: TypeUrl;
  /** Its rules. */
  readonly policy: TypePolicy;
  /** Its place in the order of sending. */
  readonly rank: number;
  /** What is asked for. */
  readonly subscription: Subscription;
  /** What the client accepted. */
  readonly known: KnownResources = new KnownResources();
  /** Names to look at before the next response. */
  readonly dirty: Map<string, DirtyReason> = new Map();
  /** Every name has to be looked at. */
  everything = false;
  /** The next response goes out even if it is empty (first answer to a wildcard). */
  owed = false;
  /** When the oldest unsent change was reported. */
  changedAtMs: number | undefined;
  /** The one response without ACK or NACK. */
  inFlight: InFlight | undefined;
  /** Rejected versions by name, oldest first. */
  parked: Map<string, readonly ParkedVersion[]> | undefined;
  /** Groups of resources one of which was rejected; each is sent alone to find which. */
  suspects: readonly (readonly Resource[])[] = [];
  /** Missing names that the client was told of. */
  told: Set<string> | undefined;
  /** Names that wait for another type, and since when; `NO_END` for a wait that no time ends. */
  held: Map<string, number> | undefined;
  /** Names that an old client is assumed to have: gone from the view before the stream began. */
  lingering: Set<string> | undefined;
  /** When the TTL of a resource is to be renewed. */
  heartbeats: Map<string, number> | undefined;
  /** A SotW client came with the version of an earlier stream: it may have what it does not say. */
  resumed = false;
  /** version_info of the last accepted response. */
  versionInfo = "";
  /** When the last response was accepted. */
  acceptedAtMs: number | undefined;

  /** Nothing asked for yet. */
  constructor(typeUrl: TypeUrl, options: {
    readonly tellRemovals: boolean;
    readonly intern: (name: string) => string;
  }) {
    this.typeUrl = typeUrl;
    this.policy = typePolicy(typeUrl, options.tellRemovals);
    this.rank = typeRank(typeUrl);
    this.subscription = new Subscription(options.intern);
  }

  /** Remembers to look at a name; being asked for outweighs a change. */
  mark(name: string, reason: DirtyReason): void {
    if (reason === "asked") this.dirty.set(name, "asked");
    else if (!this.everything && !this.dirty.has(name)) this.dirty.set(name, "changed");
  }

  /** Tells whether there may be something to send, leaving aside whether it has to wait. */
  get isPending(): boolean {
    return this.dirty.size > 0 || this.everything || this.owed || this.suspects.length > 0;
  }

  /** Tells whether this client rejected this version. */
  isParked(resource: Resource): boolean {
    const versions = this.parked?.get(resource.name);
    return versions?.some((parked) => parked.resource.version === resource.version) ?? false;
  }

  /** Forgets what concerns a name that the client no longer wants. */
  forget(name: string): void {
    this.known.delete(name);
    this.dirty.delete(name);
    this.told?.delete(name);
    this.held?.delete(name);
    this.heartbeats?.delete(name);
  }
}

/** State of a stream. Owned by `step`, which changes it in place; read-only for others. */
export class StreamState {
  /** SotW or Delta. */
  readonly mode: ProtocolMode;
  /** The node of the first request (rule: only that one is sure to carry it). */
  readonly node: DiscoveryNode | undefined;
  /** How resources are written for this client. */
  readonly rendering: Rendering;
  /** The only type, if the service has one. */
  readonly typeUrl: TypeUrl | undefined;
  /** Switches and bounds. */
  readonly tuning: StreamTuning;
  /** Shared encoded responses. */
  readonly bodies: ResponseBodyCache;
  /** Types in the order in which they are served. */
  readonly types: TypeState[] = [];
  /** Names of endpoints that this client takes from elsewhere: nothing waits for them. */
  readonly neverAsked: Set<string> = new Set();
  /** What the node sees. */
  view: ResourceView;
  /** What its peers said. */
  verdicts: Verdicts;
  /** The moment last announced by `wakeAt`. */
  wakeAtMs: number = Infinity;
  /** The stream was told to end: it does nothing any more. */
  closed = false;
  readonly #noncePrefix: string;
  #nonces = 0;

  /** See `createStream`. */
  constructor(options: StreamOptions) {
    this.mode = options.mode;
    this.node = options.node;
    this.rendering = { mode: options.mode, ttl: supportsTtl(options) };
    this.typeUrl = options.typeUrl;
    this.tuning = completeTuning(options);
    this.bodies = options.bodies;
    this.view = options.view;
    this.verdicts = options.verdicts;
    this.#noncePrefix = options.noncePrefix ?? "";
  }

  /** Returns what is remembered of a type, if it was ever asked for. */
  type(typeUrl: TypeUrl): TypeState | undefined {
    return this.types.find((type) => type.typeUrl === typeUrl);
  }

  /** Starts to remember a type. */
  addType(typeUrl: TypeUrl): TypeState {
    const type = new TypeState(typeUrl, {
      tellRemovals: this.tuning.tellRemovals,
      intern: (name) => this.view.get(typeUrl, name)?.name ?? name,
    });
    this.types.push(type);
    this.types.sort((a, b) => a.rank - b.rank);
    return type;
  }

  /** Returns a nonce that was not used on this stream. */
  nextNonce(): string {
    return `${this.#noncePrefix}${(++this.#nonces).toString(36)}`;
  }
}

/** Why a name is not served, as it is told in `resource_errors`. */
export interface ResourceError {
  /** The name. */
  readonly name: string;
  /** NOT_FOUND or PERMISSION_DENIED. */
  readonly code: StatusCode;
  /** For the client. */
  readonly message: string;
}

function supportsTtl({ mode, node }: StreamOptions): boolean {
  const features = node?.clientFeatures ?? [];
  if (!features.includes("xds.config.supports-resource-ttl")) return false;
  return mode === "delta" || features.includes("xds.config.supports-resource-in-sotw");
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What happens to a client, and what its owner has to do about it.
 * @module
 */
import type { DeltaDiscoveryRequest, DiscoveryRequest } from "../discovery_request.ts";
import type { ProtocolMode } from "../encoded_resource.ts";
import type { ResourceKey, TypeUrl } from "../resource.ts";
import type { ReceivedResponse } from "./received.ts";

/** A resource as a client got it. */
export interface ClientResource extends ResourceKey {
  /** Its version in Delta; empty in SotW, which has none for single resources. */
  readonly version: string;
  /** The message in proto wire form (the `value` of its Any). */
  readonly value: Uint8Array;
}

/** What a response would change, for whoever reads the type to judge. */
export interface Offer {
  /** Resources that are new or have another content than the one that was accepted. */
  readonly resources: readonly ClientResource[];
  /** Names of accepted resources that are gone. */
  readonly removed: readonly string[];
}

/** A resource that was not accepted. */
export interface ResourceRejection {
  /** Its name. */
  readonly name: string;
  /** Its version; empty in SotW. */
  readonly version: string;
  /** Why, for the server: one line. */
  readonly message: string;
}

/** A name that is asked for and not there. */
export interface Absence {
  /** The name; `*` for everything, of which nothing came. */
  readonly name: string;
  /** In whose words: the server's, or that there was no answer. */
  readonly reason: string;
}

/** What happens to a client. `nowMs` never steps backwards. */
export type ClientEvent =
  | {
    /** The owner is ready to connect. */
    readonly kind: "start";
    readonly nowMs: number;
  }
  | {
    /** These names, and no others, are wanted from now on; `*` is everything. */
    readonly kind: "subscribe";
    readonly typeUrl: TypeUrl;
    readonly names: readonly string[];
    readonly nowMs: number;
  }
  | {
    /** The stream takes requests. */
    readonly kind: "opened";
    readonly nowMs: number;
  }
  | {
    /** The server surely is there: the stream's connection is up. */
    readonly kind: "established";
    readonly nowMs: number;
  }
  | {
    /** A response arrived. Not before the one before it was judged. */
    readonly kind: "response";
    readonly response: ReceivedResponse;
    readonly nowMs: number;
  }
  | {
    /** What was offered was judged; `rejections` says why by name, the others are accepted. */
    readonly kind: "judged";
    readonly typeUrl: TypeUrl;
    readonly rejections: ReadonlyMap<string, string>;
    readonly nowMs: number;
  }
  | {
    /** The transport takes one message. */
    readonly kind: "writable";
    readonly nowMs: number;
  }
  | {
    /** The stream ended, or did not come about. */
    readonly kind: "disconnected";
    /** The status that it ended with. */
    readonly code: number;
    /** In words. */
    readonly message: string;
    /** From 0 up to, not including, 1: spreads reconnections. */
    readonly random: number;
    readonly nowMs: number;
  }
  | {
    /** The moment of a `wakeAt` has come. */
    readonly kind: "tick";
    readonly nowMs: number;
  };

/** Open a stream. */
export interface ConnectEffect {
  /** Discriminates. */
  readonly kind: "connect";
  /** To which server, from 0. */
  readonly server: number;
  /** In which variant. */
  readonly mode: ProtocolMode;
}

/** Send a request; only `writable` leads to it. */
export interface SendEffect {
  /** Discriminates. */
  readonly kind: "send";
  /** The request, without its node. */
  readonly request: DiscoveryRequest | DeltaDiscoveryRequest;
  /** It is the first of its stream, and has to carry the node. */
  readonly isFirst: boolean;
}

/** Have an offer judged, then report `judged`. */
export interface JudgeEffect {
  /** Discriminates. */
  readonly kind: "judge";
  /** Type of the offer. */
  readonly typeUrl: TypeUrl;
  /** What to judge. */
  readonly offer: Offer;
}

/** A response was applied; the answer to it is due. */
export interface AppliedEffect {
  /** Discriminates. */
  readonly kind: "applied";
  /** Its type. */
  readonly typeUrl: TypeUrl;
  /** Resources that are accepted now and were not, or had another content. */
  readonly accepted: readonly ClientResource[];
  /** Names that are gone. */
  readonly removed: readonly string[];
  /** What is rejected; the content that was accepted before stays. */
  readonly rejected: readonly ResourceRejection[];
}

/** What the owner of a client has to do. */
export type ClientEffect =
  | ConnectEffect
  | SendEffect
  | JudgeEffect
  | AppliedEffect
  | {
    /** Names that are asked for are not there. Each is told once, until it was there again. */
    readonly kind: "absent";
    readonly typeUrl: TypeUrl;
    readonly absences: readonly Absence[];
  }
  | {
    /** Send a `tick` at this moment; replaces an earlier one. */
    readonly kind: "wakeAt";
    readonly atMs: number;
  };

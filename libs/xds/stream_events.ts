// SPDX-License-Identifier: Apache-2.0
/**
 * What happens to a stream, and what its owner has to do about it.
 * @module
 */
import type { Bytes, StatusError } from "@denvoy/base";
import type { DeltaDiscoveryRequest, DiscoveryRequest } from "./discovery_request.ts";
import type { Resource, TypeUrl } from "./resource.ts";
import type { Verdicts } from "./verdicts.ts";
import type { ResourceView } from "./view.ts";

/** What a client said when it rejected a response. */
export interface NackDetail {
  /** A google.rpc.Code. */
  readonly code: number;
  /** The words of the client; at most 4,096 characters are kept. */
  readonly message: string;
}

/** What happens to a stream. `nowMs` never steps backwards within one stream. */
export type StreamEvent =
  | {
    /** A request arrived. */
    readonly kind: "request";
    readonly request: DiscoveryRequest | DeltaDiscoveryRequest;
    readonly nowMs: number;
  }
  | {
    /** Resources of the view changed, appeared or went; `all` if it is not known which. */
    readonly kind: "changed";
    readonly typeUrl: TypeUrl;
    readonly names: readonly string[] | "all";
    readonly nowMs: number;
  }
  | {
    /** The node belongs to another group from now on. */
    readonly kind: "reassigned";
    readonly view: ResourceView;
    readonly verdicts: Verdicts;
    readonly nowMs: number;
  }
  | {
    /** An operator wants a rejected resource to be tried again as it is. */
    readonly kind: "retry";
    readonly typeUrl: TypeUrl;
    readonly name: string;
    readonly nowMs: number;
  }
  | {
    /** The transport takes one message. */
    readonly kind: "writable";
    readonly nowMs: number;
  }
  | {
    /** The moment of a `wakeAt` has come. */
    readonly kind: "tick";
    readonly nowMs: number;
  };

/** What the owner of a stream has to do. */
export type StreamEffect =
  | RespondEffect
  | AcceptedEffect
  | RejectedEffect
  | {
    /** Changes of these names concern the stream from now on; `*` is all, `x/*` a collection. */
    readonly kind: "watch" | "unwatch";
    readonly typeUrl: TypeUrl;
    readonly names: readonly string[];
  }
  | {
    /** Send a `tick`, then `writable`, at this moment; replaces an earlier one. */
    readonly kind: "wakeAt";
    readonly atMs: number;
  }
  | {
    /** End the stream with this status. */
    readonly kind: "close";
    readonly error: StatusError;
  };

/** Send a response. */
export interface RespondEffect {
  /** Discriminates. */
  readonly kind: "respond";
  /** Type of the response. */
  readonly typeUrl: TypeUrl;
  /** Its nonce, unique within the stream. */
  readonly nonce: string;
  /** The encoded DiscoveryResponse or DeltaDiscoveryResponse. */
  readonly bytes: Bytes;
  /** Its version_info or system_version_info. */
  readonly versionInfo: string;
  /** The resources in it. */
  readonly resources: readonly Resource[];
  /** Names in `removed_resources`, or left out of a SotW set that had them. */
  readonly removed: readonly string[];
  /** When the oldest change in it was reported; absent if it answers a request only. */
  readonly changedAtMs: number | undefined;
}

/** The client accepted resources. */
export interface AcceptedEffect {
  /** Discriminates. */
  readonly kind: "accepted";
  /** Their type. */
  readonly typeUrl: TypeUrl;
  /** Nonce of the response; empty when they were accepted on an earlier stream. */
  readonly nonce: string;
  /** What was accepted. */
  readonly resources: readonly Resource[];
  /** What the client dropped. */
  readonly removed: readonly string[];
  /** When the response was handed to the transport. */
  readonly sentAtMs: number;
  /** See {@linkcode RespondEffect.changedAtMs}. */
  readonly changedAtMs: number | undefined;
}

/** The client rejected a response. */
export interface RejectedEffect {
  /** Discriminates. */
  readonly kind: "rejected";
  /** Type of the response. */
  readonly typeUrl: TypeUrl;
  /** Its nonce. */
  readonly nonce: string;
  /** The resources that are known to be the cause; they are parked. */
  readonly resources: readonly Resource[];
  /** How many resources might be the cause; they are sent again in smaller responses. */
  readonly suspects: number;
  /** The words of the client. */
  readonly detail: NackDetail;
  /** When the response was handed to the transport. */
  readonly sentAtMs: number;
}

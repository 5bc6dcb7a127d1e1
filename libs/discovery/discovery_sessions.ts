// SPDX-License-Identifier: Apache-2.0
/**
 * The port through which a service says who may open a stream, and what its node sees.
 * @module
 */
import type { Metadata, Peer } from "@denvoy/grpc";
import type { DeltaDiscoveryRequest, DiscoveryRequest, Node } from "@denvoy/proto/messages";
import type { HubStream, RequestOf, ResourceView } from "@denvoy/xds";

/** A call whose first request has come. */
export interface DiscoveryCall {
  /** The node of that request; what it claims is not proven. */
  readonly node: Node | undefined;
  /** The other end of the connection. */
  readonly peer: Peer;
  /** Headers of the call. */
  readonly metadata: Metadata;
  /** Fires when the call is over. */
  readonly signal: AbortSignal;
}

/** The part of a session that streams look at. */
export interface SessionView {
  /** What the node sees now. */
  readonly view: ResourceView;
}

/** A request of either variant, as it was decoded. */
export type StreamRequest = RequestOf<Node> | DiscoveryRequest | DeltaDiscoveryRequest;

/** Who streams belong to. `S` is what the service keeps of one. */
export interface DiscoverySessions<S extends SessionView> {
  /**
   * Begins a session for a call, and lets go of it when the call is over.
   * @throws StatusError, e.g. PERMISSION_DENIED, with which the call then ends
   */
  begin(call: DiscoveryCall): S | Promise<S>;
  /** Is given the stream of a session, right after it was opened. */
  add(session: S, stream: HubStream): void;
  /** See `ServeOptions.prepare` of libs/xds. */
  prepare?(session: S, request: StreamRequest): Promise<void> | undefined;
}

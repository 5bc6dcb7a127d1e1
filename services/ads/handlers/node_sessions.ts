// SPDX-License-Identifier: Apache-2.0
/**
 * The nodes that are connected: who each stream belongs to, whether it may be who it says, and what
 * it sees. A stream follows its node when selectors come or go.
 * @module
 */
import {
  type Clock,
  type Logger,
  type NodeIdentityTemplate,
  StatusCode,
  StatusError,
} from "@denvoy/base";
import { type DiscoverySessions, type RequestingNode, requestingNode } from "@denvoy/discovery";
import type { Peer } from "@denvoy/grpc";
import type { Node } from "@denvoy/proto/messages";
import type { Hub, HubStream } from "@denvoy/xds";
import type { NodeView, NodeViews, ViewLease } from "../domain/node_views.ts";

/** One stream of one node. */
export interface NodeSession {
  /** The node of the first request. */
  readonly node: RequestingNode;
  /** The same in its own words. */
  readonly claimed: Node | undefined;
  /** The other end of the connection. */
  readonly peer: Peer;
  /** When the stream got its first request, in milliseconds since the epoch. */
  readonly sinceMs: number;
  /** Its state. */
  readonly stream: HubStream;
  /** What the node sees now. */
  readonly view: NodeView;
}

/** What sessions are made of. */
export interface NodeSessionsParts {
  /** Where streams are. */
  readonly hub: Hub;
  /** Through what nodes see. */
  readonly views: NodeViews;
  /** Where time comes from. */
  readonly clock: Clock;
  /** Where nodes that are refused are logged. */
  readonly logger: Logger;
  /** Which certificate a node must show; any client may be any node when absent. */
  readonly identity?: NodeIdentityTemplate;
}

/**
 * Views whose last node has gone that are kept, so that what was learnt of rejected and accepted
 * content is there when a node comes back.
 */
const MAX_KEPT_VIEWS = 256;
/** A refused node tries again and again: at most one line is logged in this time. */
const REFUSAL_LOG_MS = 1000;

/** All sessions. */
export class NodeSessions implements DiscoverySessions<PendingSession> {
  readonly #parts: NodeSessionsParts;
  readonly #sessions = new Map<HubStream, NodeSession>();
  readonly #beside = new Set<NodeSession>();
  /** Leases that keep views alive, by the id and cluster of the node, the latest last. */
  readonly #kept = new Map<string, ViewLease>();
  #refusalLoggedMs = -Infinity;
  #unloggedRefusals = 0;

  /** There are none until a node connects. */
  constructor(parts: NodeSessionsParts) {
    this.#parts = parts;
  }

  /** All sessions, in the order in which they came. */
  list(): Iterable<NodeSession> {
    return this.#sessions.values();
  }

  /** Those, and after them the streams that are answered from elsewhere: for people alone. */
  *listAll(): Iterable<NodeSession> {
    yield* this.#sessions.values();
    yield* this.#beside;
  }

  /** Lists a stream that is answered from elsewhere, until `signal` fires. */
  addBeside(session: Omit<NodeSession, "sinceMs">, signal: AbortSignal): void {
    const listed: NodeSession = {
      ...{ node: session.node, claimed: session.claimed, peer: session.peer },
      stream: session.stream,
      sinceMs: this.#parts.clock.nowMs(),
      get view() {
        return session.view;
      },
    };
    this.#beside.add(listed);
    signal.addEventListener("abort", () => this.#beside.delete(listed), { once: true });
  }

  /** Returns the session of a stream. */
  of(stream: HubStream): NodeSession | undefined {
    return this.#sessions.get(stream);
  }

  /**
   * Begins a session for a call.
   * @throws StatusError PERMISSION_DENIED when the node may not be who it says
   */
  begin(call: {
    readonly node: Node | undefined;
    readonly peer: Peer;
    /** Fires when the call is over. */
    readonly signal: AbortSignal;
  }): PendingSession {
    const node = this.identify(call.node, call.peer);
    const pending = new PendingSession(this.#parts, { node, claimed: call.node, peer: call.peer });
    this.#keep(node);
    call.signal.addEventListener("abort", () => this.#end(pending), { once: true });
    return pending;
  }

  /** Lists a session whose stream is open. */
  add(pending: PendingSession, stream: HubStream): void {
    this.#sessions.set(stream, pending.open(stream));
  }

  /**
   * Returns the node of a request.
   * @throws StatusError PERMISSION_DENIED when it may not be who it says
   */
  identify(claimed: Node | undefined, peer: Peer): RequestingNode {
    const node = requestingNode(claimed);
    const refusal = this.#parts.identity?.refusal(node, peer.uriSans);
    if (refusal === undefined) return node;
    this.#logRefusal(refusal, peer);
    throw new StatusError(StatusCode.PERMISSION_DENIED, refusal);
  }

  #logRefusal(detail: string, { address }: Peer): void {
    const { clock, logger } = this.#parts;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#refusalLoggedMs < REFUSAL_LOG_MS) {
      this.#unloggedRefusals++;
      return;
    }
    const others = this.#unloggedRefusals;
    logger.warn("node refused", { address, detail, ...(others > 0 && { others }) });
    this.#refusalLoggedMs = nowMs;
    this.#unloggedRefusals = 0;
  }

  #end(pending: PendingSession): void {
    if (pending.stream !== undefined) this.#sessions.delete(pending.stream);
    pending.release();
  }

  #keep(node: RequestingNode): void {
    const key = JSON.stringify([node.cluster, node.id]);
    this.#kept.get(key)?.release();
    this.#kept.delete(key);
    this.#kept.set(key, this.#parts.views.lease({ node, moved: () => {} }));
    const [oldest] = this.#kept;
    if (oldest === undefined || this.#kept.size <= MAX_KEPT_VIEWS) return;
    oldest[1].release();
    this.#kept.delete(oldest[0]);
  }
}

/** A session from the moment that its node is known; its stream opens right after. */
export class PendingSession {
  /** The node. */
  readonly node: RequestingNode;
  /** Its stream, once it is open. */
  stream: HubStream | undefined;
  readonly #parts: NodeSessionsParts;
  readonly #opened: Pick<NodeSession, "claimed" | "peer">;
  readonly #lease: ViewLease;

  /** Made by {@linkcode NodeSessions.begin}. */
  constructor(
    parts: NodeSessionsParts,
    { node, ...opened }: Pick<NodeSession, "node" | "claimed" | "peer">,
  ) {
    this.#parts = parts;
    this.#opened = opened;
    this.node = node;
    const moved = (view: NodeView) => {
      if (this.stream !== undefined) parts.hub.reassign(this.stream, view);
    };
    this.#lease = parts.views.lease({ node, moved });
  }

  /** What the node sees now. */
  get view(): NodeView {
    return this.#lease.view;
  }

  /** Binds the stream; a view that changed since is caught up with. */
  open(stream: HubStream): NodeSession {
    this.stream = stream;
    this.#parts.hub.reassign(stream, this.view);
    const lease = this.#lease;
    return {
      node: this.node,
      ...this.#opened,
      sinceMs: this.#parts.clock.nowMs(),
      stream,
      get view() {
        return lease.view;
      },
    };
  }

  /** Gives the view up. */
  release(): void {
    this.#lease.release();
  }
}

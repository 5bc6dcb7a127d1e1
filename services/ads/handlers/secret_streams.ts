// SPDX-License-Identifier: Apache-2.0
/**
 * Secrets on aggregated streams: each node has a view of its own, filled by sds for the identity that
 * ads has verified. Nobody else sees it, and it goes with the stream.
 * @module
 */
import {
  type Bytes,
  type Clock,
  type Logger,
  type NodeIdentityTemplate,
  type Result,
  StatusCode,
  StatusError,
} from "@denvoy/base";
import {
  type BesideStreams,
  type RequestingNode,
  requestingNode,
  type VerifiedNode,
} from "@denvoy/discovery";
import type { Peer } from "@denvoy/grpc";
import type { Node } from "@denvoy/proto/messages";
import { Hub, type HubOptions, type HubStream, type ResourceKey, serveStream } from "@denvoy/xds";
import {
  type NodeSecretListener,
  NodeSecrets,
  type NodeSecretSource,
} from "../domain/node_secrets.ts";
import type { NodeView, NodeViews, ViewLease } from "../domain/node_views.ts";
import type { Publisher } from "../domain/publisher.ts";
import { SECRET } from "../domain/resource_types.ts";
import type { SdsHealth } from "../sds_health.ts";
import type { NodeSession, NodeSessions } from "./node_sessions.ts";
import { SecretSession } from "./secret_session.ts";

/** What secrets are served with. */
export interface SecretStreamParts {
  /**
   * Returns where the secrets of a node come from that was verified by its certificate, or why they
   * cannot be asked for in its name.
   */
  readonly openSource: (
    asking: VerifiedNode & { readonly node: RequestingNode },
    listener: NodeSecretListener,
  ) => Result<NodeSecretSource, string>;
  /** Says who a node may be. */
  readonly sessions: Pick<NodeSessions, "identify" | "addBeside">;
  /** Which certificate a node must show; its only URI SAN counts without. */
  readonly identity: NodeIdentityTemplate | undefined;
  /** Through what nodes see the catalog, whose secrets come first. */
  readonly views: NodeViews;
  /** Tells of changes of the catalog. */
  readonly publisher: Publisher;
  /** Observer, bounds and nonces of the streams. */
  readonly hub: Omit<HubOptions, "clock">;
  /** Names that one stream may ask for. */
  readonly maxNames: number;
  /** Told how sds is. */
  readonly health: SdsHealth;
  /** Where time comes from. */
  readonly clock: Clock;
  /** Where nodes without an identity, and troubles with sds, are logged. */
  readonly logger: Logger;
}

type Call = Parameters<BesideStreams["serve"]>[1];

interface OpenedSession extends Pick<NodeSession, "node" | "claimed" | "peer"> {
  readonly session: SecretSession;
  readonly lease: ViewLease;
}

/** What people are shown of a stream: names, versions, rejections. */
function listed(
  { node, claimed, peer, lease }: OpenedSession,
  stream: HubStream,
): Omit<NodeSession, "sinceMs"> {
  return {
    ...{ node, claimed, peer, stream },
    get view() {
      return lease.view;
    },
  };
}

/** Serves the secrets of nodes. */
export class SecretStreams implements BesideStreams {
  /** See {@linkcode BesideStreams.typeUrl}. */
  readonly typeUrl = SECRET;
  /** The streams. */
  readonly hub: Hub;
  readonly #parts: SecretStreamParts;
  readonly #byView = new Map<NodeView, Set<SecretSession>>();

  /** Follows the catalog from now on. */
  constructor(parts: SecretStreamParts) {
    this.#parts = parts;
    const { tuning } = parts.hub;
    // An Envoy that is told that a secret is missing opens its other listeners at once.
    this.hub = new Hub({
      ...parts.hub,
      clock: parts.clock,
      tuning: { ...tuning, tellRemovals: true },
    });
    parts.publisher.listen((changes) => {
      for (const { view, keys } of changes) this.#changeOwn(this.#byView.get(view) ?? [], keys);
    });
  }

  /** See {@linkcode BesideStreams.serve}. */
  serve(requests: Parameters<BesideStreams["serve"]>[0], call: Call): AsyncIterable<Bytes> {
    const { sessions } = this.#parts;
    let opened: OpenedSession | undefined;
    return serveStream<Node>(requests, {
      hub: this.hub,
      mode: call.mode,
      typeUrl: SECRET,
      assign: (node) => {
        opened = this.#begin(node, call);
        return opened.session.secrets;
      },
      onOpen: (stream) => {
        if (opened !== undefined) sessions.addBeside(listed(opened, stream), call.signal);
      },
      prepare: (request) => opened?.session.prepare(request),
    });
  }

  #begin(claimed: Node | undefined, { mode, peer, signal }: Call): OpenedSession {
    // Nothing would tell that it is over.
    if (signal.aborted) throw new StatusError(StatusCode.CANCELLED, "call is over");
    const { sessions, views, maxNames, clock } = this.#parts;
    const node = sessions.identify(claimed, peer);
    const lease = views.lease({
      node,
      moved: (view, keys) => {
        this.#move(session, view);
        this.#changeOwn([session], keys);
      },
    });
    const secrets = new NodeSecrets(() => lease.view);
    const session = new SecretSession({ secrets, hub: this.hub, mode, maxNames, clock });
    this.#move(session, lease.view);
    this.#attachSource(session, { node: requestingNode(claimed), peer, signal });
    signal.addEventListener("abort", () => {
      lease.release();
      this.#move(session, undefined);
      session.close();
    }, { once: true });
    return { session, node, claimed, peer, lease };
  }

  #attachSource(session: SecretSession, { node, peer, signal }: {
    readonly node: RequestingNode;
    readonly peer: Peer;
    readonly signal: AbortSignal;
  }): void {
    const { health, logger, openSource } = this.#parts;
    const verified = this.#verifiedBy(node, peer);
    if (verified === undefined) {
      const fields = { node: node.id, address: peer.address, shown: peer.uriSans };
      logger.warn("secrets of node are not asked for: it has no single identity", fields);
      return;
    }
    const member = health.join();
    const source = openSource({ node, ...verified }, {
      changed: (change) => session.take(change),
      answered: (names) => session.answer(names),
      connection: (failure) => member.report(failure),
    });
    if (source.ok) {
      session.attach(source.value);
      signal.addEventListener("abort", () => member.leave(), { once: true });
      return;
    }
    member.leave();
    const fields = { node: node.id, address: peer.address, rule: source.error };
    logger.warn("secrets of node are not asked for: its identity cannot be passed on", fields);
  }

  /** By what the node was verified; which of several SANs would be meant nobody can tell. */
  #verifiedBy(
    node: RequestingNode,
    { uriSans, certificate }: Peer,
  ): VerifiedNode | undefined {
    const { identity: template } = this.#parts;
    const only = uriSans.length === 1 ? uriSans[0] : undefined;
    const identity = template === undefined ? only : template.expectedUri(node);
    if (identity === undefined || certificate === undefined) return undefined;
    return { identity, certificate };
  }

  #move(session: SecretSession, view: NodeView | undefined): void {
    for (const [known, members] of this.#byView) {
      if (known === view || !members.delete(session)) continue;
      if (members.size === 0) this.#byView.delete(known);
    }
    if (view === undefined) return;
    const members = this.#byView.get(view);
    if (members === undefined) this.#byView.set(view, new Set([session]));
    else members.add(session);
  }

  #changeOwn(sessions: Iterable<SecretSession>, keys: readonly ResourceKey[]): void {
    const names = keys.flatMap(({ typeUrl, name }) => typeUrl === SECRET ? [name] : []);
    if (names.length === 0) return;
    for (const session of sessions) session.changeOwn(names);
  }
}

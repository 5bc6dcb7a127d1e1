// SPDX-License-Identifier: Apache-2.0
/**
 * Asks sds for the secrets of nodes, each in the name of its identity, all over one connection. Their
 * bytes are passed on as they are, and never logged.
 * @module
 */
import { type Clock, type Logger, ok, type Result } from "@denvoy/base";
import {
  connectXds,
  onBehalfOf,
  type RequestingNode,
  type ServerConnections,
  type XdsClient,
  type XdsSubscription,
  type XdsUpdate,
} from "@denvoy/discovery";
import type { Metadata } from "@denvoy/grpc";
import { messageCodec } from "@denvoy/proto";
import type { NodeSecretListener, NodeSecretSource } from "../domain/node_secrets.ts";
import { SECRET } from "../domain/resource_types.ts";

/** What asks. */
export interface SdsSecretsOptions {
  /** Connections to sds. */
  readonly connections: ServerConnections;
  /** Where time comes from. */
  readonly clock: Clock;
  /** Where connections, rejections and absences are logged. */
  readonly logger: Logger;
}

/** For whom is asked. */
export interface AskingNode {
  /** The node as it introduced itself. */
  readonly node: RequestingNode;
  /** The URI SAN by which it was verified. */
  readonly identity: string;
}

interface InNameOfNode extends Pick<AskingNode, "node"> {
  /** Name the node; there is no asking without. */
  readonly headers: Metadata;
}

const codec = messageCodec("envoy.extensions.transport_sockets.tls.v3.Secret");
/** A bound far beyond what one node uses. */
const MAX_SECRETS = 10_000;

/** Streams to sds. Dispose of it when no node is served any more. */
export class SdsSecrets implements AsyncDisposable {
  readonly #options: SdsSecretsOptions;
  readonly #clients = new Set<XdsClient>();
  readonly #closing = new Set<Promise<void>>();

  /** Connects for the first node that asks. */
  constructor(options: SdsSecretsOptions) {
    this.#options = options;
  }

  /** The streams, for metrics. */
  get clients(): Iterable<XdsClient> {
    return this.#clients;
  }

  /**
   * Returns where the secrets of a node come from, or why sds cannot be asked in its name. It is never
   * asked otherwise: without a name it would answer with what is the own business of ads.
   */
  open(asking: AskingNode, listener: NodeSecretListener): Result<NodeSecretSource, string> {
    const headers = onBehalfOf(asking.identity);
    return headers.ok
      ? ok(this.#connect({ ...asking, headers: headers.value }, listener))
      : headers;
  }

  #connect(asking: InNameOfNode, listener: NodeSecretListener): NodeSecretSource {
    const client = connectXds(this.#clientOptions(asking, listener, () => failureOf(client)));
    this.#clients.add(client);
    let subscription: XdsSubscription<string> | undefined;
    return {
      setNames(names) {
        if (subscription !== undefined) subscription.setNames(names);
        else if (names.length > 0) subscription = subscribe(client, { names, listener });
      },
      close: () => this.#close(client),
    };
  }

  /** Ends all streams. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of [...this.#clients]) this.#close(client);
    await Promise.all(this.#closing);
  }

  #clientOptions(
    { node: { id, cluster, locality, metadata }, headers }: InNameOfNode,
    listener: NodeSecretListener,
    failure: () => string | undefined,
  ): Parameters<typeof connectXds>[0] {
    const { connections, clock, logger } = this.#options;
    return {
      servers: connections.servers,
      connections,
      streams: "separate",
      node: { id, cluster, locality, metadata },
      headers,
      tuning: { maxResources: MAX_SECRETS },
      clock,
      logger: logger.with({ node: id }),
      quiet: true,
      health: {
        ok: () => listener.connection(undefined),
        degraded: () => listener.connection(failure()),
        failed: () => listener.connection(failure()),
      },
    };
  }

  #close(client: XdsClient): void {
    if (!this.#clients.delete(client)) return;
    const closing = client.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

function subscribe(client: XdsClient, { names, listener }: {
  readonly names: readonly string[];
  readonly listener: NodeSecretListener;
}): XdsSubscription<string> {
  return client.subscribe<string>(SECRET, {
    names,
    // What it holds is the node's business; nothing of it is kept decoded.
    decode: (value) => codec.decode(value).name,
    accept: judge,
    changed({ resources, removed }) {
      listener.changed({ put: resources, removed });
      listener.answered(resources.map(({ name }) => name));
    },
    rejected: (rejections) => listener.answered(rejections.map(({ name }) => name)),
    absent: (absences) => listener.answered(absences.map(({ name }) => name)),
  });
}

function judge({ resources }: XdsUpdate<string>): ReadonlyMap<string, string> {
  const strange = resources.filter(({ name, message }) => name !== message);
  return new Map(
    strange.map(({ name, message }) =>
      [name, `name must be that of the resource: is ${JSON.stringify(message)}`] as const
    ),
  );
}

/** Undefined while only a secret is bad: the connection is well. */
function failureOf(client: XdsClient): string | undefined {
  const away = client.report().find(({ phase }) => phase !== "connected");
  return away && (away.failure?.message ?? "connecting");
}

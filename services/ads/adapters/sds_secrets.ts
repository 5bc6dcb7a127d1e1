// SPDX-License-Identifier: Apache-2.0
/**
 * Asks sds for the secrets of nodes, each in the name of its identity, all over one connection. Their
 * bytes are passed on as they are, and never logged.
 * @module
 */
import { type Clock, type Logger, ok, type Result, StatusCode } from "@denvoy/base";
import {
  connectXds,
  onBehalfOf,
  type RequestingNode,
  type ServerConnections,
  type VerifiedNode,
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
export interface AskingNode extends VerifiedNode {
  /** The node as it introduced itself. */
  readonly node: RequestingNode;
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
    const headers = onBehalfOf(asking);
    return headers.ok
      ? ok(this.#connect({ ...asking, headers: headers.value }, listener))
      : headers;
  }

  #connect(asking: InNameOfNode, listener: NodeSecretListener): NodeSecretSource {
    let asked: readonly string[] = [];
    const report = () => {
      const failure = failureOf(client);
      listener.connection(failure?.message);
      if (failure?.isRefusal === true) listener.answered(asked);
    };
    const client = connectXds(this.#clientOptions(asking, { listener, report }));
    this.#clients.add(client);
    let subscription: XdsSubscription<string> | undefined;
    return {
      setNames(names) {
        asked = names;
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
    { listener, report }: {
      readonly listener: NodeSecretListener;
      readonly report: () => void;
    },
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
        degraded: report,
        failed: report,
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

interface Failure {
  readonly message: string;
  /** Sds has an answer, and it is no: there is nothing to wait for. */
  readonly isRefusal: boolean;
}

/** Undefined while only a secret is bad: the connection is well. */
function failureOf(client: XdsClient): Failure | undefined {
  const away = client.report().find(({ phase }) => phase !== "connected");
  if (away === undefined) return undefined;
  const { code, message = "connecting" } = away.failure ?? {};
  const isRefusal = code === StatusCode.UNAUTHENTICATED || code === StatusCode.PERMISSION_DENIED;
  return { message, isRefusal };
}

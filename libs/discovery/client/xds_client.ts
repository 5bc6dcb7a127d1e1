// SPDX-License-Identifier: Apache-2.0
/**
 * The client of xDS servers: what services read other control planes with.
 * @module
 */
import type { TypeUrl } from "@denvoy/xds";
import { nodeMessage } from "./client_node.ts";
import { hasOwnService } from "./discovery_calls.ts";
import { ServerConnections } from "./server_connections.ts";
import type {
  XdsClient,
  XdsClientOptions,
  XdsReader,
  XdsStreamReport,
  XdsSubscription,
} from "./xds_client_options.ts";
import { reportHealth } from "./xds_client_health.ts";
import { type LinkReaders, XdsLink } from "./xds_link.ts";
import { type Topic, XdsTopic } from "./xds_topic.ts";

/**
 * Returns a client; it connects with its first subscription, and again for as long as it is not
 * closed. What it accepted stays while servers are away.
 *
 * @throws TypeError without servers
 *
 * @example
 * ```ts ignore
 * await using xds = connectXds({ servers: ["127.0.0.1:18000"], node: { id: "hds-1" }, clock, logger });
 * const clusters = xds.subscribe(TypeUrls.cluster, {
 *   decode: messageCodec("envoy.config.cluster.v3.Cluster").decode,
 *   accept: ({ resources }) => new Map(resources.filter(isOdd).map(({ name }) => [name, "is odd"])),
 *   changed: ({ resources, removed }) => follow(resources, removed),
 * });
 * ```
 */
export function connectXds(options: XdsClientOptions): XdsClient {
  return new GrpcXdsClient(options);
}

class GrpcXdsClient implements XdsClient {
  readonly #options: XdsClientOptions;
  readonly #connections: ServerConnections;
  readonly #topics = new Map<TypeUrl, Topic>();
  /** By type, or `undefined` for the one of all types. */
  readonly #links = new Map<TypeUrl | undefined, XdsLink>();

  constructor(options: XdsClientOptions) {
    this.#options = options;
    this.#connections = options.connections ?? new ServerConnections(options);
    const { servers } = this.#connections;
    if (servers.length === 0) throw new TypeError("Cannot make client as it must have a server");
  }

  subscribe<T>(typeUrl: TypeUrl, reader: XdsReader<T>): XdsSubscription<T> {
    if (this.#topics.has(typeUrl)) {
      throw new TypeError(`Cannot subscribe as a type is read once: ${typeUrl}`);
    }
    const link = this.#link(typeUrl);
    const topic = new XdsTopic({
      typeUrl,
      reader,
      logger: this.#options.logger,
      setNames: (names) => link.subscribe(typeUrl, names),
      isSynced: () => link.isSynced(typeUrl),
    });
    this.#topics.set(typeUrl, topic);
    topic.setNames(reader.names ?? ["*"]);
    return topic;
  }

  report(): readonly XdsStreamReport[] {
    return [...this.#links.values()].map((link) => link.report());
  }

  async close(): Promise<void> {
    await Promise.all([...this.#links.values()].map((link) => link.close()));
    if (this.#options.connections === undefined) await this.#connections[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #link(typeUrl: TypeUrl): XdsLink {
    const isSeparate = this.#options.streams === "separate";
    if (isSeparate && !hasOwnService(typeUrl)) {
      throw new TypeError(`Cannot subscribe as no service serves ${typeUrl} alone`);
    }
    const key = isSeparate ? typeUrl : undefined;
    let link = this.#links.get(key);
    if (link === undefined) this.#links.set(key, link = this.#openLink(key));
    return link;
  }

  #openLink(typeUrl: TypeUrl | undefined): XdsLink {
    const { node, headers = new Map(), tuning = {}, clock, logger, quiet = false } = this.#options;
    return new XdsLink({
      connections: this.#connections,
      node: nodeMessage(node),
      typeUrl,
      headers,
      tuning,
      clock,
      logger,
      quiet,
      random: this.#options.random ?? Math.random,
      readers: this.#readers(),
    });
  }

  #readers(): LinkReaders {
    return {
      judge: async (typeUrl, offer) =>
        await this.#topics.get(typeUrl)?.judge(offer) ?? new Map<string, string>(),
      applied: (effect) => this.#topics.get(effect.typeUrl)?.applied(effect),
      absent: (typeUrl, absences) => this.#topics.get(typeUrl)?.absent(absences),
      moved: () => {
        const { health } = this.#options;
        if (health !== undefined) reportHealth(health, this.report());
      },
    };
  }
}

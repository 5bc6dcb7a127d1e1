// SPDX-License-Identifier: Apache-2.0
/**
 * `envoy.service.metrics.v3.MetricsService`: one stream of each Envoy, which names its node in the
 * first message only. The response is never sent: Envoy does not wait for it, and would open a new
 * stream.
 * @module
 */
import { type Logger, StatusCode, StatusError } from "@denvoy/base";
import {
  type CallContext,
  type ClientStreamHandler,
  type Codec,
  implement,
  type MethodDefinition,
  type MethodImplementation,
} from "@denvoy/grpc";
import type { Bytes } from "@denvoy/base";
import type { Fleet } from "../domain/fleet.ts";
import type { NodeInfo } from "../domain/node_info.ts";
import { WireCursor } from "./wire_cursor.ts";
import { MetricsIngest } from "./metrics_ingest.ts";
import type { NodeClaims } from "./node_claims.ts";
import { decodeNode, nodeInfoOf } from "./node_message.ts";
import { type NodeStream, NodeStreams } from "./node_streams.ts";
import { SeriesCache } from "./series_cache.ts";

/** What answers the RPC. */
export interface MetricsServiceParts {
  /** Where reports go. */
  readonly fleet: Fleet;
  /** Says which nodes are ours. */
  readonly claims: NodeClaims;
  /** Metadata of nodes that is kept, by path. */
  readonly metadataPaths: readonly string[];
  /** Checks who calls; throws a StatusError when it must not be `node`. */
  readonly authorize: (node: NodeInfo, context: CallContext) => void;
  /** The time (ms since epoch). */
  readonly nowMs: () => number;
  /** See SeriesCacheOptions.seed. */
  readonly seed: number;
  /** Where streams are counted. */
  readonly observer: MetricsStreamObserver;
  /** Where it is said that two Envoys have one name. */
  readonly logger: Logger;
}

/** Is told what streams do; must not throw. */
export interface MetricsStreamObserver {
  /** A stream said which node it is of. */
  opened(): void;
  /** A message was taken in. */
  message(samples: number, bytes: number): void;
  /** A stream that had been opened is over. */
  closed(): void;
}

/** Only the bytes are passed on; nothing is ever sent. */
const rawRequests: Codec<Uint8Array> = {
  encode: (bytes: Uint8Array): Bytes => bytes,
  decode: (bytes) => bytes,
};

const method: MethodDefinition<Uint8Array, Uint8Array> = {
  service: "envoy.service.metrics.v3.MetricsService",
  method: "StreamMetrics",
  kind: "client-stream",
  request: rawRequests,
  response: rawRequests,
};

const TAG_IDENTIFIER = 0x0a;
const TAG_NODE = 0x0a;

/** Returns the RPC of the service. */
export function metricsMethods(parts: MetricsServiceParts): readonly MethodImplementation[] {
  const service = new MetricsService(parts);
  const handler: ClientStreamHandler<Uint8Array, Uint8Array> = (requests, context) =>
    service.streamMetrics(requests, context);
  return [implement(method, handler)];
}

class MetricsService {
  readonly #parts: MetricsServiceParts;
  readonly #cache: SeriesCache;
  readonly #streams = new NodeStreams();

  constructor(parts: MetricsServiceParts) {
    this.#parts = parts;
    this.#cache = new SeriesCache({ seed: parts.seed });
  }

  async streamMetrics(
    requests: AsyncIterable<Uint8Array>,
    context: CallContext,
  ): Promise<Uint8Array> {
    let stream: NodeStream | undefined;
    try {
      for await (const bytes of requests) {
        stream ??= await this.#begin(this.#identify(bytes, context));
        if (!this.#streams.isRead(stream)) continue;
        if (this.#isHere(stream) || await this.#parts.claims.again(stream.info)) {
          this.#take(stream, bytes);
        }
      }
    } finally {
      if (stream !== undefined) this.#end(stream);
    }
    return new Uint8Array(0);
  }

  async #begin(info: NodeInfo): Promise<NodeStream> {
    const { claims } = this.#parts;
    await claims.opened(info);
    const stream: NodeStream = { info, ingest: undefined };
    try {
      stream.ingest = this.#open(info);
    } catch (error) {
      claims.closed(info);
      throw error;
    }
    if (this.#streams.add(stream)) {
      this.#parts.logger.warn(
        "a node opened another stream; only the newest is read while it lasts",
        { node: info.id },
      );
    }
    this.#parts.observer.opened();
    return stream;
  }

  #end(stream: NodeStream): void {
    const heir = this.#streams.remove(stream);
    this.#parts.claims.closed(stream.info);
    this.#parts.observer.closed();
    if (heir === undefined) return;
    this.#parts.logger.info("the newest stream of a node ended; the one before is read again", {
      node: heir.info.id,
    });
  }

  /** A node that another replica has taken, or that was forgotten, is not. */
  #isHere({ info }: NodeStream): boolean {
    return this.#parts.fleet.node(info.id) !== undefined;
  }

  #open(info: NodeInfo): MetricsIngest {
    const { fleet, nowMs } = this.#parts;
    const node = fleet.open(info, nowMs());
    if (node === undefined) {
      throw new StatusError(StatusCode.RESOURCE_EXHAUSTED, "no more nodes are taken");
    }
    return new MetricsIngest({ fleet, node, cache: this.#cache });
  }

  #take(stream: NodeStream, bytes: Uint8Array): void {
    const { fleet, nowMs, observer } = this.#parts;
    let { ingest } = stream;
    if (ingest === undefined || ingest.node !== fleet.node(stream.info.id)) {
      ingest = stream.ingest = this.#open(stream.info);
    }
    try {
      observer.message(ingest.take(bytes, nowMs()), bytes.length);
    } catch (error) {
      throw unreadable(error);
    }
  }

  #identify(bytes: Uint8Array, context: CallContext): NodeInfo {
    const info = readIdentifier(bytes, this.#parts.metadataPaths);
    if (info === undefined || info.id === "") {
      throw new StatusError(
        StatusCode.INVALID_ARGUMENT,
        "cannot take metrics as the first message must name its node (identifier.node.id)",
      );
    }
    this.#parts.authorize(info, context);
    return info;
  }
}

function readIdentifier(
  bytes: Uint8Array,
  metadataPaths: readonly string[],
): NodeInfo | undefined {
  try {
    const identifier = fieldOf(bytes, TAG_IDENTIFIER);
    const node = identifier === undefined ? undefined : fieldOf(identifier, TAG_NODE);
    return node === undefined ? undefined : nodeInfoOf(decodeNode(node), metadataPaths);
  } catch (error) {
    throw unreadable(error);
  }
}

/** Returns the content of the last field with this tag; undefined when there is none. */
function fieldOf(bytes: Uint8Array, wanted: number): Uint8Array | undefined {
  const reader = new WireCursor();
  reader.begin(bytes);
  let found: Uint8Array | undefined;
  while (reader.position < bytes.length) {
    const tag = reader.varint();
    if (tag === wanted) found = reader.content(bytes.length);
    else reader.skip(tag, bytes.length);
  }
  return found;
}

function unreadable(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new StatusError(StatusCode.INVALID_ARGUMENT, `cannot read metrics: ${why}`);
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Which of the streams of one node is read: the newest of those that are open. When it ends, the
 * one before it is read again, as it is of an Envoy that has not gone.
 * @module
 */
import type { NodeInfo } from "../domain/node_info.ts";
import type { MetricsIngest } from "./metrics_ingest.ts";

/** A stream that has named its node. */
export interface NodeStream {
  /** Who it is of. */
  readonly info: NodeInfo;
  /** Takes its messages in; undefined until it is read, and from when another stream takes its place. */
  ingest: MetricsIngest | undefined;
}

/** The open streams of all nodes. */
export class NodeStreams {
  /** By id of the node, oldest first; no list is empty. */
  readonly #streams = new Map<string, readonly NodeStream[]>();

  /** Adds a stream, which is read from now on; returns whether its node had another. */
  add(stream: NodeStream): boolean {
    const others = this.#streams.get(stream.info.id) ?? [];
    for (const other of others) other.ingest = undefined;
    this.#streams.set(stream.info.id, [...others, stream]);
    return others.length > 0;
  }

  /** Removes a stream; returns the one that is read in its place, if that is a change. */
  remove(stream: NodeStream): NodeStream | undefined {
    const wasRead = this.isRead(stream);
    const { id } = stream.info;
    const others = (this.#streams.get(id) ?? []).filter((other) => other !== stream);
    if (others.length > 0) this.#streams.set(id, others);
    else this.#streams.delete(id);
    return wasRead ? others.at(-1) : undefined;
  }

  /** Whether it is the stream that its node is read from. */
  isRead(stream: NodeStream): boolean {
    return this.#streams.get(stream.info.id)?.at(-1) === stream;
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * `envoy.service.accesslog.v3.AccessLogService`: a stream of each worker of an Envoy and each logger,
 * which names its node in the first message only. Nothing is ever answered. A message is read when
 * what came of the one before has found its place: so a slow sink slows Envoy, which then keeps what
 * its buffer holds, and counts what it drops.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import {
  type CallContext,
  type ClientStreamHandler,
  implement,
  type MethodImplementation,
  rawCodec,
} from "@denvoy/grpc";
import { type Bytes, joinBytes } from "@denvoy/base";
import type { SignalEntry } from "../domain/golden_signals.ts";
import type { NodeInfo } from "../domain/node_info.ts";
import type { AccessLogSource, RawEntry } from "./access_log_entry.ts";
import { AccessLogReader } from "./access_log_reader.ts";
import { decodeNode, nodeInfoOf } from "./node_message.ts";
import { WireCursor } from "./wire_cursor.ts";

/** What answers the RPC. */
export interface AccessLogParts {
  /** Counts an entry that is the last of its request or connection. */
  readonly onSignal: (entry: SignalEntry) => void;
  /** Writes an entry where it is wanted. */
  readonly onEntry: (entry: RawEntry) => void;
  /** Resolves when there is room for the entries of another message. */
  readonly room: () => Promise<void> | undefined;
  /** Checks who calls; throws a StatusError when it must not be `node`. */
  readonly authorize: (node: NodeInfo, context: CallContext) => void;
  /** Is told that a stream began, and (by what it returns) that it ended. */
  readonly onStream: () => () => void;
}

const TAG_IDENTIFIER = 0x0a;
const TAG_HTTP = 0x12;
const TAG_TCP = 0x1a;
const TAG_ENTRY = 0x0a;
const TAG_NODE = 0x0a;
const TAG_LOG_NAME = 0x12;
const decoder = new TextDecoder();

/** Returns the RPC of the service. */
export function accessLogMethods(parts: AccessLogParts): readonly MethodImplementation[] {
  const handler: ClientStreamHandler<Bytes, Bytes> = (requests, context) =>
    streamAccessLogs(requests, { parts, context });
  return [implement({
    service: "envoy.service.accesslog.v3.AccessLogService",
    method: "StreamAccessLogs",
    kind: "client-stream",
    request: rawCodec,
    response: rawCodec,
  }, handler)];
}

async function streamAccessLogs(
  requests: AsyncIterable<Bytes>,
  { parts, context }: { readonly parts: AccessLogParts; readonly context: CallContext },
): Promise<Bytes> {
  let source: AccessLogSource | undefined;
  let onEnd: (() => void) | undefined;
  const ingest = new AccessLogIngest(parts);
  try {
    for await (const chunks of requests) {
      const bytes = joinBytes(chunks);
      if (source === undefined) {
        source = readable(() => readSource(bytes));
        parts.authorize(source.node, context);
        onEnd = parts.onStream();
      }
      const from = source;
      readable(() => ingest.take(bytes, from));
      await parts.room();
    }
  } finally {
    onEnd?.();
  }
  return new Uint8Array(0);
}

/** Takes in messages. */
export class AccessLogIngest {
  readonly #parts: Pick<AccessLogParts, "onSignal" | "onEntry">;
  readonly #reader = new AccessLogReader();

  /** `parts` are told of each entry. */
  constructor(parts: Pick<AccessLogParts, "onSignal" | "onEntry">) {
    this.#parts = parts;
  }

  /** Takes a StreamAccessLogsMessage. @throws RangeError on bytes that are none */
  take(message: Uint8Array, source: AccessLogSource): void {
    const cursor = new WireCursor();
    cursor.begin(message);
    while (cursor.position < message.length) {
      const tag = cursor.varint();
      if (tag === TAG_HTTP) this.#entries(cursor.content(message.length), { source, kind: "http" });
      else if (tag === TAG_TCP) {
        this.#entries(cursor.content(message.length), { source, kind: "tcp" });
      } else cursor.skip(tag, message.length);
    }
  }

  #entries(list: Uint8Array, origin: Omit<RawEntry, "bytes">): void {
    const cursor = new WireCursor();
    cursor.begin(list);
    const about = { kind: origin.kind, source: origin.source.node.cluster };
    while (cursor.position < list.length) {
      const tag = cursor.varint();
      if (tag !== TAG_ENTRY) {
        cursor.skip(tag, list.length);
        continue;
      }
      const bytes = cursor.content(list.length);
      const entry = this.#reader.read(bytes, about);
      if (this.#reader.isFinal) this.#parts.onSignal(entry);
      this.#parts.onEntry({ ...origin, bytes });
    }
  }
}

function readSource(message: Uint8Array): AccessLogSource {
  const cursor = new WireCursor();
  cursor.begin(message);
  let identifier: Uint8Array | undefined;
  while (cursor.position < message.length) {
    const tag = cursor.varint();
    if (tag === TAG_IDENTIFIER) identifier = cursor.content(message.length);
    else cursor.skip(tag, message.length);
  }
  let node: NodeInfo | undefined;
  let log = "";
  cursor.begin(identifier ?? new Uint8Array(0));
  while (cursor.position < cursor.bytes.length) {
    const tag = cursor.varint();
    if (tag === TAG_NODE) node = nodeInfoOf(decodeNode(cursor.content(cursor.bytes.length)), []);
    else if (tag === TAG_LOG_NAME) log = decoder.decode(cursor.content(cursor.bytes.length));
    else cursor.skip(tag, cursor.bytes.length);
  }
  if (node !== undefined) return { node, log };
  throw new StatusError(
    StatusCode.INVALID_ARGUMENT,
    "cannot take access logs as the first message must name its node (identifier.node)",
  );
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof StatusError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new StatusError(StatusCode.INVALID_ARGUMENT, `cannot read access logs: ${why}`);
  }
}

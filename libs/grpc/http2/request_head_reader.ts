// SPDX-License-Identifier: Apache-2.0
/**
 * Turns header blocks into request heads. A client that calls the same method over and over sends
 * the same few octets, all of them indexes: then the head of the last call is the head of this one.
 * @module
 */
import type { Field } from "./field.ts";
import type { HeaderBlock } from "./header_assembler.ts";
import { HpackDecoder } from "./hpack_decoder.ts";
import { type HeadResult, readRequestHead } from "./request_head.ts";

/** A head, why it is malformed, or that its list exceeds the limit. */
export type ReadHead = HeadResult | { readonly kind: "too-large" };

const LONGEST_REMEMBERED_BYTES = 512;

/** Reader of one connection. Heads may be shared between requests: they are never changed. */
export class RequestHeadReader {
  readonly #decoder: HpackDecoder;
  #lastBlock: Uint8Array = new Uint8Array(0);
  #lastVersion = -1;
  #lastHead: ReadHead | undefined = undefined;

  /** Lists larger than `maxListBytes` are too large. */
  constructor(maxListBytes: number) {
    this.#decoder = new HpackDecoder(maxListBytes);
  }

  /** Reads the block that opens a request. @throws ConnectionError COMPRESSION_ERROR */
  read(block: HeaderBlock): ReadHead {
    if (this.#lastHead !== undefined && this.#isLast(block)) return this.#lastHead;
    const before = this.#decoder.version;
    const { fields, tooLarge } = this.#decoder.decode(block.bytes, block.start, block.end);
    const head: ReadHead = tooLarge ? { kind: "too-large" } : readRequestHead(fields);
    this.#remember(block, before, head);
    return head;
  }

  /** Reads a block only for its fields: trailers, or headers nobody waits for. */
  trailers(block: HeaderBlock): readonly Field[] {
    return this.#decoder.decode(block.bytes, block.start, block.end).fields;
  }

  #isLast({ bytes, start, end }: HeaderBlock): boolean {
    const last = this.#lastBlock;
    if (end - start !== last.byteLength || this.#decoder.version !== this.#lastVersion) {
      return false;
    }
    for (let at = 0; at < last.byteLength; at++) if (bytes[start + at] !== last[at]) return false;
    return true;
  }

  /** Only a block that left the table as it was means the same when it comes again. */
  #remember(block: HeaderBlock, versionBefore: number, head: ReadHead): void {
    const { bytes, start, end } = block;
    if (this.#decoder.version !== versionBefore) return;
    if (end - start > LONGEST_REMEMBERED_BYTES) return;
    this.#lastBlock = bytes.slice(start, end);
    this.#lastVersion = versionBefore;
    this.#lastHead = head;
  }
}

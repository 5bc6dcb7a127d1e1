// SPDX-License-Identifier: Apache-2.0
/**
 * What RFC 9113 section 6 asks of single frames, whatever the state of their streams.
 * @module
 */
import { ConnectionError, ErrorCode } from "./error_code.ts";
import type { FrameReader } from "./frame_reader.ts";

/** A frame that belongs to a stream. @throws ConnectionError PROTOCOL_ERROR on stream 0 */
export function requireStream(streamId: number, name: string): void {
  if (streamId !== 0) return;
  throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `${name} without a stream`);
}

/** A frame that belongs to the connection. @throws ConnectionError PROTOCOL_ERROR on a stream */
export function requireConnection(streamId: number, name: string): void {
  if (streamId === 0) return;
  throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `${name} on a stream`);
}

/** A frame of fixed length. @throws ConnectionError FRAME_SIZE_ERROR for another length */
export function requireLength(frame: FrameReader, length: number, name: string): void {
  if (frame.end - frame.start === length) return;
  throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `${name} is not ${length} octets long`);
}

/** A frame that needs a stream which was opened (section 5.1). @throws ConnectionError */
export function requireNotIdle(streamId: number, lastStreamId: number, name: string): void {
  if (streamId <= lastStreamId && streamId % 2 === 1) return;
  throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `${name} on an idle stream`);
}

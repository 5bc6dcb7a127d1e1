// SPDX-License-Identifier: Apache-2.0
/**
 * SETTINGS in both directions (RFC 9113 section 6.5): which values are allowed, and ours.
 * @module
 */
import { ConnectionError, ErrorCode } from "./error_code.ts";
import {
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  FrameType,
  MAX_31_BIT,
  readUint32,
} from "./frame.ts";
import { DEFAULT_TABLE_BYTES } from "./hpack_table.ts";
import { type OutputBuffer, putUint32 } from "./output_buffer.ts";

/** Identifiers of settings (section 6.5.2). Others are ignored. */
export const SettingId = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const;

const LARGEST_FRAME_BYTES = 16_777_215;
const ENTRY_BYTES = 6;

/** What the peer has asked for so far, as far as a server cares. */
export interface PeerSettings {
  /** Bound on the dynamic table of our encoder. */
  headerTableBytes: number;
  /** Window that our streams start with. */
  initialWindowBytes: number;
  /** Largest frame that it takes. */
  maxFrameBytes: number;
}

/** What holds before the peer's first SETTINGS. */
export function defaultPeerSettings(): PeerSettings {
  return {
    headerTableBytes: DEFAULT_TABLE_BYTES,
    initialWindowBytes: DEFAULT_WINDOW_BYTES,
    maxFrameBytes: DEFAULT_MAX_FRAME_BYTES,
  };
}

/**
 * Applies the payload of a SETTINGS frame to `settings`, in order.
 * @throws ConnectionError for a value that section 6.5.2 forbids
 */
export function applySettings(settings: PeerSettings, payload: Uint8Array): void {
  if (payload.byteLength % ENTRY_BYTES !== 0) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS is not a list of entries");
  }
  for (let at = 0; at < payload.byteLength; at += ENTRY_BYTES) {
    const id = readUint32(payload, at) >>> 16;
    applySetting(settings, id, readUint32(payload, at + 2));
  }
}

function applySetting(settings: PeerSettings, id: number, value: number): void {
  switch (id) {
    case SettingId.HEADER_TABLE_SIZE:
      settings.headerTableBytes = value;
      return;
    case SettingId.ENABLE_PUSH:
      if (value > 1) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH above 1");
      return;
    case SettingId.INITIAL_WINDOW_SIZE:
      if (value > MAX_31_BIT) {
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE too large");
      }
      settings.initialWindowBytes = value;
      return;
    case SettingId.MAX_FRAME_SIZE:
      if (value < DEFAULT_MAX_FRAME_BYTES || value > LARGEST_FRAME_BYTES) {
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "MAX_FRAME_SIZE out of range");
      }
      settings.maxFrameBytes = value;
      return;
    default:
      return;
  }
}

/** Appends a SETTINGS frame with `entries`. */
export function writeSettings(
  output: OutputBuffer,
  entries: readonly (readonly [id: number, value: number])[],
): void {
  const length = entries.length * ENTRY_BYTES;
  output.frameHeader({ length, type: FrameType.SETTINGS, flags: 0, streamId: 0 });
  let at = output.length;
  const bytes = output.reserve(length);
  for (const [id, value] of entries) {
    bytes[at] = id >>> 8;
    bytes[at + 1] = id;
    putUint32(bytes, at + 2, value);
    at += ENTRY_BYTES;
  }
}

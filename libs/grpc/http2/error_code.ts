// SPDX-License-Identifier: Apache-2.0
/**
 * Error codes of HTTP/2 and the two sizes of failure: of a stream and of the whole connection.
 * @module
 */

/** Error codes of RST_STREAM and GOAWAY (RFC 9113 section 7). */
export const ErrorCode = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const;

/** The name of an error code. */
export type ErrorCodeName = keyof typeof ErrorCode;

/** The number of an error code that this server sends; a peer may send any 32-bit number. */
export type ErrorCode = typeof ErrorCode[ErrorCodeName];

/**
 * Thrown inside the connection's state machine when the whole connection is at fault; the machine
 * itself catches it and answers with GOAWAY. It never leaves libs/grpc/http2.
 */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  /** What GOAWAY says. */
  readonly code: ErrorCode;

  /** `message` goes to the peer as debug data: lower-case, no secrets. */
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Returns the name of an error code, or `CODE_<n>` for one that RFC 9113 does not define. */
export function errorCodeName(code: number): string {
  for (const [name, value] of Object.entries(ErrorCode)) if (value === code) return name;
  return `CODE_${code}`;
}

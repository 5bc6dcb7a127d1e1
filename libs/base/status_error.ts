// SPDX-License-Identifier: Apache-2.0
/**
 * The one error that crosses an RPC or HTTP edge: a status code, and a message that the caller may
 * read. Whatever else is thrown leaves as INTERNAL "internal error", with its cause in the log.
 * @module
 */

/** Status codes of gRPC, by name (google.rpc.Code). */
export const StatusCode = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** The name of a gRPC status code. */
export type StatusCodeName = keyof typeof StatusCode;

/** The number of a gRPC status code, 0 to 16. */
export type StatusCode = typeof StatusCode[StatusCodeName];

/** What a {@linkcode StatusError} may carry beside its code and message. */
export interface StatusErrorOptions {
  /** What went wrong underneath; logged, never sent to the peer. */
  readonly cause?: unknown;
  /** Machine-readable details that the peer may see, e.g. a list of problems. */
  readonly details?: unknown;
}

/** An outcome that the peer is told: its code and message go over the wire as they are. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  /** The gRPC code; an HTTP edge maps it to a status. */
  readonly code: StatusCode;
  /** See {@linkcode StatusErrorOptions.details}. */
  readonly details: unknown;

  /** `message` is for the peer: lower-case, no full stop, no secrets. */
  constructor(code: StatusCode, message: string, options: StatusErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.details = options.details;
  }

  /**
   * Returns `error` itself when it is a StatusError, else INTERNAL "internal error" with `error` as
   * its cause, so that what a peer reads never leaks what went wrong inside.
   */
  static from(error: unknown): StatusError {
    if (error instanceof StatusError) return error;
    return new StatusError(StatusCode.INTERNAL, "internal error", { cause: error });
  }
}

/** Returns the name of a status code, or `CODE_<n>` for a number that gRPC does not define. */
export function statusCodeName(code: number): string {
  for (const [name, value] of Object.entries(StatusCode)) if (value === code) return name;
  return `CODE_${code}`;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Errors at the HTTP edge: which status each code has, and what a client is told.
 * @module
 */
import { type Problem, ProblemError, StatusCode, statusCodeName, StatusError } from "@denvoy/base";
import { BadRequest } from "../server/request_head.ts";

/** A StatusError that insists on an HTTP status of its own, e.g. 412. */
export class HttpError extends StatusError {
  /** The HTTP status. */
  readonly status: number;
  /** Headers that belong to the error, e.g. `allow`. */
  readonly headers: Readonly<Record<string, string>>;

  /** `message` is for the client. */
  constructor(
    status: number,
    message: string,
    options: {
      readonly code: StatusCode;
      readonly headers?: Readonly<Record<string, string>>;
      readonly details?: unknown;
    },
  ) {
    super(options.code, message, { details: options.details });
    this.status = status;
    this.headers = options.headers ?? {};
  }
}

/** Throws that a value of a request breaks a rule. @throws ProblemError */
export function invalid(path: string, message: string): never {
  throw new ProblemError([{ severity: "error", path, message }]);
}

/** Throws that there is no such thing. @throws StatusError NOT_FOUND */
export function notFound(message: string): never {
  throw new StatusError(StatusCode.NOT_FOUND, message);
}

/** What the body of an error answer holds, under `error`. */
export interface ErrorBody {
  /** Name of the gRPC code, e.g. `INVALID_ARGUMENT`. */
  readonly code: string;
  /** For people. */
  readonly message: string;
  /** Each thing wrong with the input, when there is more to say than one message. */
  readonly problems?: readonly Problem[];
}

/** An error as the client gets it. */
export interface ErrorAnswer {
  /** HTTP status. */
  readonly status: number;
  /** Headers that belong to it. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its body, under `error`. */
  readonly body: ErrorBody;
  /** Whether this is a fault of ours, to be logged with its cause. */
  readonly unexpected: boolean;
}

/** The codes as google.rpc.Code maps them to HTTP. */
const HTTP_STATUS: Readonly<Record<StatusCode, number>> = {
  [StatusCode.OK]: 200,
  [StatusCode.CANCELLED]: 499,
  [StatusCode.UNKNOWN]: 500,
  [StatusCode.INVALID_ARGUMENT]: 400,
  [StatusCode.DEADLINE_EXCEEDED]: 504,
  [StatusCode.NOT_FOUND]: 404,
  [StatusCode.ALREADY_EXISTS]: 409,
  [StatusCode.PERMISSION_DENIED]: 403,
  [StatusCode.RESOURCE_EXHAUSTED]: 429,
  [StatusCode.FAILED_PRECONDITION]: 400,
  [StatusCode.ABORTED]: 409,
  [StatusCode.OUT_OF_RANGE]: 400,
  [StatusCode.UNIMPLEMENTED]: 501,
  [StatusCode.INTERNAL]: 500,
  [StatusCode.UNAVAILABLE]: 503,
  [StatusCode.DATA_LOSS]: 500,
  [StatusCode.UNAUTHENTICATED]: 401,
};

/** Returns how any thrown value is answered; what is not meant for clients becomes "internal error". */
export function errorAnswer(thrown: unknown): ErrorAnswer {
  const error = toStatusError(thrown);
  const problems = problemsOf(error.details);
  return {
    status: error instanceof HttpError ? error.status : HTTP_STATUS[error.code],
    headers: error instanceof HttpError ? error.headers : {},
    body: {
      code: statusCodeName(error.code),
      message: error.message,
      ...(problems && { problems }),
    },
    unexpected: error.code === StatusCode.INTERNAL || error.code === StatusCode.UNKNOWN ||
      error.code === StatusCode.DATA_LOSS,
  };
}

function toStatusError(thrown: unknown): StatusError {
  if (thrown instanceof ProblemError) {
    return new StatusError(StatusCode.INVALID_ARGUMENT, "invalid input", {
      details: thrown.problems,
    });
  }
  if (thrown instanceof BadRequest) {
    return new HttpError(thrown.status, thrown.message, { code: StatusCode.INVALID_ARGUMENT });
  }
  return StatusError.from(thrown);
}

function problemsOf(details: unknown): readonly Problem[] | undefined {
  const found = Array.isArray(details) ? details : undefined;
  return found?.every((item) => typeof item?.message === "string" && "severity" in item)
    ? found
    : undefined;
}

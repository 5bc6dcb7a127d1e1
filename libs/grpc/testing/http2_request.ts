// SPDX-License-Identifier: Apache-2.0
/**
 * One request through node:http2, for what gRPC clients do not show: the headers as they are.
 * @module
 */
import http2 from "node:http2";

/** What to ask. */
export interface Http2Request {
  /** Path of the method. */
  readonly path: string;
  /** Headers beside those that every gRPC request has; may replace them. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The whole body, framed. */
  readonly body?: Uint8Array;
}

/** What came back. */
export interface Http2Response {
  /** Headers of the response. */
  readonly headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
  /** Trailers; empty when the response was trailers only. */
  readonly trailers: http2.IncomingHttpHeaders;
  /** The whole body. */
  readonly body: Uint8Array;
}

/** Returns the gRPC status of a response, wherever it stands. */
export function statusOf({ headers, trailers }: Http2Response): number {
  return Number(trailers["grpc-status"] ?? headers["grpc-status"]);
}

/** Sends one request on a connection of its own, and closes it. */
export async function requestHttp2(
  address: string,
  request: Http2Request,
): Promise<Http2Response> {
  const session = http2.connect(`http://${address}`);
  const closed = new Promise<void>((resolve) => session.once("close", () => resolve()));
  try {
    return await exchange(session, request);
  } finally {
    session.destroy();
    await closed;
  }
}

function exchange(
  session: http2.ClientHttp2Session,
  request: Http2Request,
): Promise<Http2Response> {
  return new Promise((resolve, reject) => {
    session.once("error", reject);
    const stream = session.request({
      ":method": "POST",
      ":path": request.path,
      "content-type": "application/grpc",
      te: "trailers",
      ...request.headers,
    });
    const chunks: Uint8Array[] = [];
    let headers: Http2Response["headers"] = {};
    let trailers: Http2Response["trailers"] = {};
    stream.once("response", (received) => headers = received);
    stream.once("trailers", (received) => trailers = received);
    stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    stream.once("error", reject);
    stream.once("close", () => resolve({ headers, trailers, body: join(chunks) }));
    stream.end(request.body);
  });
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(chunks.flatMap((chunk) => [...chunk]));
}

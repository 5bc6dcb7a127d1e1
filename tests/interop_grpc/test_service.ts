// SPDX-License-Identifier: Apache-2.0
/**
 * gRPC's interop service, grpc.testing.TestService, as gRPC's own interop test descriptions define
 * it. UnimplementedCall and UnimplementedService are left out: that is what they are for.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import { type CallContext, implement, type MethodImplementation } from "@denvoy/grpc";
import {
  defineMethod,
  type EchoStatus,
  type ResponseParameters,
  type SimpleRequest,
  type SimpleResponse,
  type StreamingInputCallRequest,
  type StreamingInputCallResponse,
  type StreamingOutputCallRequest,
  type StreamingOutputCallResponse,
} from "./messages.ts";
import { LoadReports } from "./load_reports.ts";

const simple = { kind: "unary", request: "SimpleRequest", response: "SimpleResponse" } as const;
const output = {
  request: "StreamingOutputCallRequest",
  response: "StreamingOutputCallResponse",
} as const;
const duplex = { ...output, kind: "bidi-stream" } as const;

const emptyCall = defineMethod<Record<never, never>, Record<never, never>>(
  "grpc.testing.TestService/EmptyCall",
  { kind: "unary", request: "Empty", response: "Empty" },
);
const unaryCall = defineMethod<SimpleRequest, SimpleResponse>(
  "grpc.testing.TestService/UnaryCall",
  simple,
);
const cacheableUnaryCall = defineMethod<SimpleRequest, SimpleResponse>(
  "grpc.testing.TestService/CacheableUnaryCall",
  simple,
);
const streamingOutputCall = defineMethod<StreamingOutputCallRequest, StreamingOutputCallResponse>(
  "grpc.testing.TestService/StreamingOutputCall",
  { ...output, kind: "server-stream" },
);
const streamingInputCall = defineMethod<StreamingInputCallRequest, StreamingInputCallResponse>(
  "grpc.testing.TestService/StreamingInputCall",
  {
    kind: "client-stream",
    request: "StreamingInputCallRequest",
    response: "StreamingInputCallResponse",
  },
);
const fullDuplexCall = defineMethod<StreamingOutputCallRequest, StreamingOutputCallResponse>(
  "grpc.testing.TestService/FullDuplexCall",
  duplex,
);
const halfDuplexCall = defineMethod<StreamingOutputCallRequest, StreamingOutputCallResponse>(
  "grpc.testing.TestService/HalfDuplexCall",
  duplex,
);

const largestPayloadBytes = 64 * 1024 * 1024;

/** Returns the service for one server, with a load report of its own. */
export function interopMethods(): readonly MethodImplementation[] {
  const reports = new LoadReports();
  const answerSimple = (request: SimpleRequest, context: CallContext): SimpleResponse => {
    echoMetadata(context);
    throwStatus(request.responseStatus);
    reports.attach(request.orcaPerQueryReport ?? undefined, context);
    const payload = payloadOf(request.responseSize);
    return request.fillServerId ? { payload, serverId: "denvoy" } : { payload };
  };
  return [
    implement(emptyCall, () => ({})),
    implement(unaryCall, answerSimple),
    implement(cacheableUnaryCall, answerSimple),
    implement(streamingOutputCall, sendOutputs),
    implement(streamingInputCall, addSizes),
    implement(
      fullDuplexCall,
      (requests: AsyncIterable<StreamingOutputCallRequest>, context: CallContext) =>
        answerEach(requests, { context, reports }),
    ),
    implement(halfDuplexCall, answerLater),
    reports.method,
  ];
}

async function* sendOutputs(
  request: StreamingOutputCallRequest,
  context: CallContext,
): AsyncGenerator<StreamingOutputCallResponse> {
  for (const parameters of request.responseParameters) yield await outputOf(parameters, context);
}

async function addSizes(
  requests: AsyncIterable<StreamingInputCallRequest>,
): Promise<StreamingInputCallResponse> {
  let size = 0;
  for await (const request of requests) size += request.payload?.body?.byteLength ?? 0;
  return { aggregatedPayloadSize: size };
}

async function* answerEach(
  requests: AsyncIterable<StreamingOutputCallRequest>,
  { context, reports }: { readonly context: CallContext; readonly reports: LoadReports },
): AsyncGenerator<StreamingOutputCallResponse> {
  echoMetadata(context);
  for await (const request of requests) {
    throwStatus(request.responseStatus);
    if (request.orcaOobReport) reports.set(request.orcaOobReport);
    yield* sendOutputs(request, context);
  }
}

async function* answerLater(
  requests: AsyncIterable<StreamingOutputCallRequest>,
  context: CallContext,
): AsyncGenerator<StreamingOutputCallResponse> {
  const received: StreamingOutputCallRequest[] = [];
  for await (const request of requests) received.push(request);
  for (const request of received) yield* sendOutputs(request, context);
}

async function outputOf(
  { size, intervalUs }: ResponseParameters,
  context: CallContext,
): Promise<StreamingOutputCallResponse> {
  if (intervalUs > 0) await pause(intervalUs / 1000, context.signal);
  return { payload: payloadOf(size) };
}

function payloadOf(size: number) {
  if (size >= 0 && size <= largestPayloadBytes) return { body: new Uint8Array(size) };
  throw new StatusError(
    StatusCode.INVALID_ARGUMENT,
    `cannot answer as a payload has 0 to ${largestPayloadBytes} bytes: asked for ${size}`,
  );
}

function throwStatus(status: EchoStatus | null | undefined): void {
  if (status && status.code !== 0) {
    throw new StatusError(status.code as StatusCode, status.message);
  }
}

/** The client sends two entries and wants them back: one as header, one as trailer. */
function echoMetadata(context: CallContext): void {
  const initial = context.metadata.get("x-grpc-test-echo-initial")?.[0];
  if (initial !== undefined) context.setHeader("x-grpc-test-echo-initial", initial);
  const trailing = context.metadata.get("x-grpc-test-echo-trailing-bin")?.[0];
  if (trailing !== undefined) context.setTrailer("x-grpc-test-echo-trailing-bin", trailing);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms);
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    }
    signal.addEventListener("abort", end);
  });
}

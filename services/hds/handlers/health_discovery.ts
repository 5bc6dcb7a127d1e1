// SPDX-License-Identifier: Apache-2.0
/**
 * The HealthDiscoveryService. A report that is byte for byte the one before it costs a comparison:
 * Envoy sends the whole list at each interval, whether or not anything changed.
 * @module
 */
import { Buffer } from "node:buffer";
import { joinBytes, StatusCode, StatusError } from "@denvoy/base";
import {
  type BidiStreamHandler,
  type Codec,
  implement,
  type MethodImplementation,
  rawCodec,
  type UnaryHandler,
} from "@denvoy/grpc";
import { DecodeError, messageCodec, serviceMethods } from "@denvoy/proto";
import type {
  EnvoyServiceHealthV3HealthCheckRequest as HealthCheckRequest,
  HealthCheckRequestOrEndpointHealthResponse,
} from "@denvoy/proto/messages";
import { reportedHealths } from "../domain/report.ts";
import type { FleetSession } from "../fleet.ts";
import type { HealthControl } from "../health_control.ts";
import { PollingProbers } from "./polling_probers.ts";

/** Is told what Envoys send. */
export interface ReportObserver {
  /** A report came; `same` when it is the one before it. */
  reported(report: { readonly bytes: number; readonly same: boolean }): void;
}

/** What the service works with. */
export interface HealthDiscoveryParts {
  /** What decides. */
  readonly control: HealthControl;
  /** Counts reports. */
  readonly observer: ReportObserver;
}

type Message = HealthCheckRequestOrEndpointHealthResponse;

const messages = messageCodec("envoy.service.health.v3.HealthCheckRequestOrEndpointHealthResponse");

/** Requests are read by hand, and specifiers come encoded. */
const encoded: Codec<Uint8Array> = {
  encode: (bytes) => bytes,
  decode: (bytes) => joinBytes(rawCodec.decode(bytes)),
};

/** Returns the RPCs of the service. */
export function healthDiscoveryMethods(
  parts: HealthDiscoveryParts,
): readonly MethodImplementation[] {
  const { StreamHealthCheck, FetchHealthCheck } = serviceMethods(
    "envoy.service.health.v3.HealthDiscoveryService",
  );
  const stream: BidiStreamHandler<Uint8Array, Uint8Array> = (requests, { peer }) =>
    serveProber(requests, { ...parts, peerAddress: peer.address });
  const polls = new PollingProbers(parts.control);
  const fetch: UnaryHandler<Message, Uint8Array> = (request, { peer }) =>
    polls.answer(request, peer);
  return [
    implement({ ...StreamHealthCheck, request: encoded, response: encoded }, stream),
    implement({ ...FetchHealthCheck, response: encoded }, fetch),
  ];
}

interface StreamParts extends HealthDiscoveryParts {
  readonly peerAddress: string;
}

async function* serveProber(
  requests: AsyncIterable<Uint8Array>,
  parts: StreamParts,
): AsyncGenerator<Uint8Array> {
  const iterator = requests[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done) return;
  const hello = helloIn(first.value);
  const { node, capability } = hello;
  const session = parts.control.join({ node, capability, peerAddress: parts.peerAddress });
  const reading = readReports({ [Symbol.asyncIterator]: () => iterator }, { ...parts, session });
  yield* session.specifiers();
  // Envoy keeps its half open for as long as it lives: waiting for its end would hold up a stop.
  await iterator.return?.();
  await reading;
}

function helloIn(bytes: Uint8Array): HealthCheckRequest {
  const { healthCheckRequest } = decode(bytes);
  if (healthCheckRequest !== undefined) return healthCheckRequest;
  const message = "the first message of a stream must be a health_check_request";
  throw new StatusError(StatusCode.INVALID_ARGUMENT, message);
}

/** Reads until the stream ends, and ends the session then. Never rejects. */
async function readReports(
  requests: AsyncIterable<Uint8Array>,
  { control, observer, session }: StreamParts & { readonly session: FleetSession },
): Promise<void> {
  let last: Uint8Array | undefined;
  try {
    for await (const bytes of requests) {
      const same = last !== undefined && isSame(bytes, last);
      observer.reported({ bytes: bytes.length, same });
      if (same) control.report(session, undefined);
      else takeMessage(decode(bytes), { control, session });
      last = bytes;
    }
    session.end();
  } catch (error) {
    session.end({ error });
  }
}

/** An Envoy that is told to check nothing sends messages with nothing in them: it is there. */
function takeMessage(
  { endpointHealthResponse, healthCheckRequest }: Message,
  { control, session }: { readonly control: HealthControl; readonly session: FleetSession },
): void {
  if (healthCheckRequest !== undefined) return;
  control.report(session, endpointHealthResponse ? reportedHealths(endpointHealthResponse) : []);
}

function decode(bytes: Uint8Array): Message {
  try {
    return messages.decode(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new StatusError(StatusCode.INVALID_ARGUMENT, error.message, { cause: error });
  }
}

/** Compared natively: the lists of a thousand endpoints have some 90 KB (see benches/hds). */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.from(a.buffer, a.byteOffset, a.length).equals(b);
}

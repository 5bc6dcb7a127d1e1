// SPDX-License-Identifier: Apache-2.0
/**
 * What in a health check ends an Envoy 1.40 although its validation rules let it pass: its health
 * discovery makes checkers where nothing catches what they throw.
 * @module
 */
import {
  CodecClientType,
  type HeaderValueOption,
  type HealthCheck,
  type HealthCheck_HttpHealthCheck as HttpCheck,
  type HealthCheck_Payload,
  type HealthCheck_TcpHealthCheck as TcpCheck,
  type Int64Range,
} from "@denvoy/proto/messages";
import type { ClusterProblem } from "./cluster_reader.ts";

/** Yields what is wrong with a check; paths begin within it. */
export function* harmInCheck(check: HealthCheck): Generator<ClusterProblem> {
  const { httpHealthCheck, tcpHealthCheck, grpcHealthCheck } = check;
  if (httpHealthCheck) yield* under("http_health_check", harmInHttp(httpHealthCheck));
  if (tcpHealthCheck) yield* under("tcp_health_check", harmInTcp(tcpHealthCheck));
  if (grpcHealthCheck) {
    const headers = harmInHeaders(grpcHealthCheck.initialMetadata);
    yield* under("grpc_health_check", under("initial_metadata", headers));
  }
}

function* harmInHttp(check: HttpCheck): Generator<ClusterProblem> {
  if (check.codecClientType === CodecClientType.HTTP3) {
    yield { path: ["codec_client_type"], message: "must be HTTP1 or HTTP2: HTTP3 ends an Envoy" };
  }
  if (check.useAlpnProtocol) {
    yield { path: ["use_alpn_protocol"], message: "must not be set, as it ends an Envoy" };
  }
  yield* under("send", harmInPayload(check.send));
  for (const payload of check.receive) yield* under("receive", harmInPayload(payload));
  yield* under("expected_statuses", harmInStatuses(check.expectedStatuses));
  yield* under("retriable_statuses", harmInStatuses(check.retriableStatuses));
  yield* under("request_headers_to_add", harmInHeaders(check.requestHeadersToAdd));
  for (const name of check.requestHeadersToRemove) {
    if (!isFixedHeader(name)) continue;
    const message = `must not remove ":" headers or host: current value is "${name}"`;
    yield { path: ["request_headers_to_remove"], message };
  }
  if (check.serviceNameMatcher?.safeRegex !== undefined) {
    const path = ["service_name_matcher", "safe_regex"];
    yield { path, message: "must be exact, prefix, suffix or contains: a bad regex ends an Envoy" };
  }
}

function* harmInTcp({ send, receive }: TcpCheck): Generator<ClusterProblem> {
  yield* under("send", harmInPayload(send));
  for (const payload of receive) yield* under("receive", harmInPayload(payload));
}

function* harmInPayload(payload: HealthCheck_Payload | undefined): Generator<ClusterProblem> {
  const { text } = payload ?? {};
  if (text === undefined || /^([0-9a-fA-F]{2})+$/.test(text)) return;
  yield {
    path: ["text"],
    message: `must be pairs of hexadecimal digits: current value is "${text}"`,
  };
}

const STATUSES = { from: 100, to: 600 };

function* harmInStatuses(ranges: readonly Int64Range[]): Generator<ClusterProblem> {
  for (const { start, end } of ranges) {
    if (start < end && start >= STATUSES.from && end <= STATUSES.to) continue;
    const rule = `must be a range with start < end within ${STATUSES.from} and ${STATUSES.to}`;
    yield { path: [], message: `${rule}: current value is ${start} to ${end}` };
  }
}

function* harmInHeaders(headers: readonly HeaderValueOption[]): Generator<ClusterProblem> {
  for (const { header } of headers) {
    const { key = "", value = "" } = header ?? {};
    if (isFixedHeader(key)) {
      yield { path: [], message: `must not set ":" headers or host: current value is "${key}"` };
    }
    if (value.replaceAll("%%", "").includes("%")) {
      const rule = "must hold no % command, as one that an Envoy does not know ends it";
      yield { path: [], message: `${rule}: header is "${key}"` };
    }
  }
}

function isFixedHeader(name: string): boolean {
  return name.startsWith(":") || name.toLowerCase() === "host";
}

/** Yields the problems with a key before their paths. */
function* under(key: string, problems: Iterable<ClusterProblem>): Generator<ClusterProblem> {
  for (const { path, message } of problems) yield { path: [key, ...path], message };
}

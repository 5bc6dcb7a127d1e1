// SPDX-License-Identifier: Apache-2.0
/**
 * The Client Status Discovery Service (envoy.service.status.v3): for each node what it asked for,
 * has, and rejected in which words.
 * @module
 */
import type { Clock } from "@denvoy/base";
import {
  type BidiStreamHandler,
  implement,
  type MethodImplementation,
  type UnaryHandler,
} from "@denvoy/grpc";
import { serviceMethods } from "@denvoy/proto";
import {
  type ClientConfig,
  type ClientConfig_GenericXdsConfig,
  ClientResourceStatus,
  type ClientStatusRequest,
  type ClientStatusResponse,
  ConfigStatus,
  type Timestamp,
} from "@denvoy/proto/messages";
import type {
  ClientStatus,
  ConfigStatus as ConfigStatusName,
  ResourceSnapshot,
  TypeSnapshot,
} from "@denvoy/xds";
import { matchesAnyNode } from "../domain/node_matcher.ts";
import { SECRET } from "../domain/resource_types.ts";
import type { NodeSession, NodeSessions } from "./node_sessions.ts";

/** What client status is read from. */
export interface ClientStatusParts {
  /** The nodes that are connected. */
  readonly sessions: NodeSessions;
  /** Turns monotonic moments into dates. */
  readonly clock: Clock;
}

/** Returns the RPCs of the service. */
export function clientStatusMethods(parts: ClientStatusParts): readonly MethodImplementation[] {
  const { FetchClientStatus, StreamClientStatus } = serviceMethods(
    "envoy.service.status.v3.ClientStatusDiscoveryService",
  );
  const fetch: UnaryHandler<ClientStatusRequest, ClientStatusResponse> = (request) =>
    clientStatus(request, parts);
  const stream: BidiStreamHandler<ClientStatusRequest, ClientStatusResponse> = async function* (
    requests,
  ) {
    for await (const request of requests) yield clientStatus(request, parts);
  };
  return [implement(FetchClientStatus, fetch), implement(StreamClientStatus, stream)];
}

/**
 * Returns the state of the nodes that match; several streams of one node are one client.
 * @throws StatusError INVALID_ARGUMENT for matchers that are not supported
 */
export function clientStatus(
  request: ClientStatusRequest,
  { sessions, clock }: ClientStatusParts,
): ClientStatusResponse {
  const byNode = new Map<string, NodeSession[]>();
  for (const session of sessions.list()) {
    if (!matchesAnyNode(request.nodeMatchers, session.node)) continue;
    const key = JSON.stringify([session.node.cluster, session.node.id]);
    const known = byNode.get(key);
    if (known === undefined) byNode.set(key, [session]);
    else known.push(session);
  }
  const options = {
    contents: !request.excludeResourceContents,
    epochMs: clock.nowMs() - clock.monotonicMs(),
  };
  return { config: [...byNode.values()].map((group) => clientConfig(group, options)) };
}

interface RenderOptions {
  readonly contents: boolean;
  /** What a monotonic moment must be added to. */
  readonly epochMs: number;
}

function clientConfig(sessions: readonly NodeSession[], options: RenderOptions): ClientConfig {
  const [first] = sessions;
  return {
    ...(first?.claimed === undefined ? {} : { node: first.claimed }),
    xdsConfig: [],
    genericXdsConfigs: sessions.flatMap((session) =>
      session.stream.snapshot().types.flatMap((type) =>
        type.resources.map((resource) => genericConfig({ session, type, resource }, options))
      )
    ),
    clientScope: "",
  };
}

interface Subject {
  readonly session: NodeSession;
  readonly type: TypeSnapshot;
  readonly resource: ResourceSnapshot;
}

function genericConfig(
  { session, type, resource }: Subject,
  { contents, epochMs }: RenderOptions,
): ClientConfig_GenericXdsConfig {
  const { typeUrl } = type;
  const { rejection } = resource;
  // Key material never leaves by this way, whoever asks.
  const value = contents && typeUrl !== SECRET
    ? session.view.get(typeUrl, resource.name)?.value
    : undefined;
  return {
    typeUrl,
    name: resource.name,
    versionInfo: resource.acceptedVersion ?? "",
    ...(value === undefined ? {} : { xdsConfig: { typeUrl, value } }),
    ...(type.acceptedAtMs === undefined ? {} : { lastUpdated: at(epochMs + type.acceptedAtMs) }),
    configStatus: CONFIG_STATUS[resource.configStatus],
    clientStatus: CLIENT_STATUS[resource.clientStatus],
    ...(rejection === undefined ? {} : {
      errorState: {
        lastUpdateAttempt: at(epochMs + rejection.atMs),
        details: rejection.message,
        versionInfo: rejection.version,
      },
    }),
    isStaticResource: false,
  };
}

const CONFIG_STATUS: Readonly<Record<ConfigStatusName, ConfigStatus>> = {
  "synced": ConfigStatus.SYNCED,
  "not-sent": ConfigStatus.NOT_SENT,
  "stale": ConfigStatus.STALE,
  "error": ConfigStatus.ERROR,
};

const CLIENT_STATUS: Readonly<Record<ClientStatus, ClientResourceStatus>> = {
  "requested": ClientResourceStatus.REQUESTED,
  "does-not-exist": ClientResourceStatus.DOES_NOT_EXIST,
  "acked": ClientResourceStatus.ACKED,
  "nacked": ClientResourceStatus.NACKED,
};

function at(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

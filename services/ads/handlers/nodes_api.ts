// SPDX-License-Identifier: Apache-2.0
/**
 * `/v1/nodes`: for each connected node what it asked for, has, was sent, accepted or rejected, and in
 * whose words. Several streams of one node are one node.
 * @module
 */
import { type Clock, StatusCode, StatusError } from "@denvoy/base";
import { type AnyRoute, json, route } from "@denvoy/runtime";
import type { ResourceSnapshot, TypeSnapshot } from "@denvoy/xds";
import { typeLabel } from "../metrics.ts";
import type { NodeSession, NodeSessions } from "./node_sessions.ts";

/** What nodes are read from. */
export interface NodesApiParts {
  /** The nodes that are connected. */
  readonly sessions: NodeSessions;
  /** Turns monotonic moments into dates. */
  readonly clock: Clock;
}

const TAG = "nodes";
const NODE_SCHEMA = {
  type: "object",
  required: ["id", "cluster", "status", "streams"],
  properties: {
    id: { type: "string" },
    cluster: { type: "string" },
    status: { enum: ["synced", "stale", "error"] },
    streams: { type: "array", items: { type: "object" } },
  },
};

/** Returns the routes. */
export function nodeRoutes(parts: NodesApiParts): readonly AnyRoute[] {
  return [
    route({
      method: "GET",
      path: "/v1/nodes",
      summary: "The nodes that are connected, with what they have",
      tag: TAG,
      responses: {
        200: {
          doc: "All nodes.",
          schema: {
            type: "object",
            required: ["nodes"],
            properties: { nodes: { type: "array", items: NODE_SCHEMA } },
          },
        },
      },
      handle: async () => json({ nodes: await allNodes(parts) }),
    }),
    route({
      method: "GET",
      path: "/v1/nodes/{id...}",
      summary: "One node, with each resource",
      tag: TAG,
      params: { id: "Id of the node." },
      responses: { 200: { doc: "The node.", schema: NODE_SCHEMA } },
      handle({ params: { id } }) {
        const group = groups(parts.sessions).find(([first]) => first?.node.id === id);
        if (group !== undefined) return json(nodeJson(group, { ...parts, withResources: true }));
        throw new StatusError(StatusCode.NOT_FOUND, `no node with this id is connected: "${id}"`);
      },
    }),
  ];
}

function groups(sessions: NodeSessions): readonly (readonly NodeSession[])[] {
  const byNode = Map.groupBy(
    sessions.listAll(),
    ({ node }) => JSON.stringify([node.cluster, node.id]),
  );
  return [...byNode.values()];
}

/** Looks at a node at a time and lets others in between: a large fleet has millions of resources. */
async function allNodes(parts: NodesApiParts) {
  const nodes: ReturnType<typeof nodeJson>[] = [];
  for (const group of groups(parts.sessions)) {
    nodes.push(nodeJson(group, parts));
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return nodes;
}

interface RenderOptions extends NodesApiParts {
  readonly withResources?: boolean;
}

function nodeJson(sessions: readonly NodeSession[], options: RenderOptions) {
  const [first] = sessions;
  const streams = sessions.map((session) => ({ session, snapshot: session.stream.snapshot() }));
  const resources = streams.flatMap(({ snapshot }) =>
    snapshot.types.flatMap((type) => type.resources)
  );
  return {
    ...first?.node,
    selectors: first?.view.selectors ?? [],
    status: worstStatus(resources),
    streams: streams.map(({ session, snapshot }) => ({
      mode: snapshot.mode,
      address: session.peer.address,
      identities: session.peer.uriSans,
      since: new Date(session.sinceMs).toISOString(),
      types: snapshot.types.map((type) => typeJson(type, options)),
    })),
  };
}

function worstStatus(resources: readonly ResourceSnapshot[]): "synced" | "stale" | "error" {
  if (resources.some(({ configStatus }) => configStatus === "error")) return "error";
  return resources.some((resource) => !isSettled(resource)) ? "stale" : "synced";
}

/** A name that nobody has is nothing that the node could still be sent. */
function isSettled({ configStatus, clientStatus }: ResourceSnapshot): boolean {
  return configStatus === "synced" || clientStatus === "does-not-exist";
}

function typeJson(type: TypeSnapshot, { clock, withResources }: RenderOptions) {
  const date = (ms: number) => new Date(clock.nowMs() - clock.monotonicMs() + ms).toISOString();
  const count = (matches: (resource: ResourceSnapshot) => boolean) =>
    type.resources.filter(matches).length;
  return {
    typeUrl: type.typeUrl,
    type: typeLabel(type.typeUrl),
    wildcard: type.wildcard,
    versionInfo: type.versionInfo,
    resources: type.resources.length,
    synced: count(({ configStatus }) => configStatus === "synced"),
    stale: count((resource) => resource.configStatus !== "error" && !isSettled(resource)),
    rejected: count(({ configStatus }) => configStatus === "error"),
    missing: count(({ clientStatus }) => clientStatus === "does-not-exist"),
    pending: type.pending,
    ...(type.acceptedAtMs === undefined ? {} : { acceptedAt: date(type.acceptedAtMs) }),
    ...(withResources ? { resources: type.resources.map((each) => resourceJson(each, date)) } : {}),
  };
}

function resourceJson(resource: ResourceSnapshot, date: (ms: number) => string) {
  const { name, configStatus, clientStatus, version, acceptedVersion, sentVersion } = resource;
  const rejection = resource.rejection && {
    version: resource.rejection.version,
    code: resource.rejection.code,
    message: resource.rejection.message,
    at: date(resource.rejection.atMs),
  };
  return {
    name,
    status: configStatus,
    clientStatus,
    version,
    acceptedVersion,
    sentVersion,
    rejection,
  };
}

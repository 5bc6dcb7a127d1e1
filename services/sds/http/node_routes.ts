// SPDX-License-Identifier: Apache-2.0
/**
 * `/v1/nodes`: what each node holds, until when, and who issued it.
 * @module
 */
import { isoTime } from "@denvoy/base";
import { anyObject, type AnyRoute, json, route } from "@denvoy/runtime";
import type { ResourceSnapshot } from "@denvoy/xds";
import type { SecretSession, SecretSessions } from "../handlers/secret_sessions.ts";
import { type ApiParts } from "./api_parts.ts";
import { expiryJson, workloadJson } from "./secret_json.ts";

/** Returns the routes. */
export function nodeRoutes(parts: ApiParts): readonly AnyRoute[] {
  return [
    route({
      method: "GET",
      path: "/v1/nodes",
      summary: "The callers that are connected, with what each of them holds",
      tag: "nodes",
      responses: { 200: { doc: "All callers.", schema: anyObject } },
      handle: () => json({ nodes: nodesJson(parts) }),
    }),
  ];
}

/** Returns who holds a secret, or the certificate of a workload by any of its names. */
export function holdersOf(
  sessions: SecretSessions,
  { name, workload }: { readonly name: string; readonly workload?: string },
): readonly Readonly<Record<string, unknown>>[] {
  const holders = [];
  for (const session of sessions.list()) {
    const names = workload === undefined ? [name] : session.view.namesOf(workload);
    const held = resourcesOf(session).find((resource) => names.includes(resource.name));
    if (held === undefined) continue;
    holders.push({
      identity: session.caller.identity,
      node: session.node.id,
      address: session.address,
      status: held.configStatus,
      version: held.acceptedVersion,
    });
  }
  return holders;
}

/** Each secret has its own stream: those of one caller and node are put together. */
function nodesJson(parts: ApiParts) {
  const groups = Map.groupBy(
    parts.sessions.list(),
    ({ caller, node }) => JSON.stringify([caller.identity, node.cluster, node.id]),
  );
  return [...groups.values()].map((group) => nodeJson(group, parts));
}

function nodeJson(group: readonly SecretSession[], parts: ApiParts) {
  const [first] = group;
  return {
    identity: first?.caller.identity,
    proof: first?.caller.proof,
    through: first?.caller.through,
    ...first?.node,
    address: first?.address,
    since: isoTime(Math.min(...group.map(({ sinceMs }) => sinceMs))),
    streams: group.length,
    secrets: group.flatMap((session) =>
      resourcesOf(session).map((resource) => heldJson(resource, { session, parts }))
    ),
  };
}

function resourcesOf({ stream }: SecretSession): readonly ResourceSnapshot[] {
  return stream?.snapshot().types.flatMap(({ resources }) => resources) ?? [];
}

function heldJson(
  resource: ResourceSnapshot,
  { session, parts }: { readonly session: SecretSession; readonly parts: ApiParts },
) {
  const { name, configStatus, clientStatus, version, acceptedVersion, rejection } = resource;
  const nowMs = parts.clock.nowMs();
  const secret = parts.book.get(name);
  const id = secret === undefined ? session.view.workloadOf(name) : undefined;
  const certificate = id === undefined ? undefined : parts.workloads.get(id);
  return {
    name,
    allowed: session.view.allows(name),
    status: configStatus,
    clientStatus,
    version,
    acceptedVersion,
    ...(secret !== undefined && expiryJson(secret.checked.facts, nowMs)),
    ...(certificate !== undefined && { ...workloadJson(certificate, nowMs), name }),
    ...(rejection !== undefined && {
      rejection: { version: rejection.version, code: rejection.code, message: rejection.message },
    }),
  };
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Makes a resource of a message: its name, its version, its bytes and what it names. A message may
 * come bare or in an `envoy.service.discovery.v3.Resource`, which adds a name and a TTL.
 * @module
 */
import { err, ok, type Result } from "@denvoy/base";
import { type AnyMessage, messageCodec, messageFromBinary, viewOf } from "@denvoy/proto";
import type { Resource } from "@denvoy/xds";
import { contentVersion } from "@denvoy/xds";
import { findReferences } from "./references.ts";
import {
  RATE_LIMIT_CONFIG,
  RESOURCE_WRAPPER,
  type ResourceType,
  resourceType,
  resourceTypes,
} from "./resource_types.ts";

/** Why a message is no resource; names no values that could be secret. */
export interface NotAResource {
  /** What is wrong, lower-case, no full stop. */
  readonly message: string;
  /** Where in the message. */
  readonly path: readonly string[];
}

const wrapperCodec = messageCodec("envoy.service.discovery.v3.Resource");

/** Returns the resource of a message, wrapped or bare. */
export function createResource(message: AnyMessage): Result<Resource, NotAResource> {
  if (message.typeUrl !== RESOURCE_WRAPPER) return createBare(message, { name: "" });
  const { name, resource, ttl } = wrapperCodec.decode(message.toBinary());
  if (resource === undefined) {
    return err({ message: "a wrapped resource needs a resource", path: [] });
  }
  const ttlMs = ttl && ttl.seconds * 1000 + Math.round(ttl.nanos / 1e6);
  if (ttlMs !== undefined && ttlMs <= 0) {
    return err({ message: `must be more than 0: current value is ${ttlMs} ms`, path: ["ttl"] });
  }
  const inner = messageFromBinary(resource.typeUrl, resource.value);
  return createBare(inner, { name, ...(ttlMs === undefined ? {} : { ttlMs }) });
}

function createBare(
  message: AnyMessage,
  wrapper: { readonly name: string; readonly ttlMs?: number },
): Result<Resource, NotAResource> {
  const type = resourceType(message.typeUrl);
  if (type === undefined) {
    const known = resourceTypes.map(({ typeUrl }) => typeUrl.slice(typeUrl.indexOf("/") + 1));
    const text = `type ${message.typeName} is not served, expected one of ${known.join(", ")}`;
    return err({ message: text, path: ["@type"] });
  }
  const name = nameOf(message, { type, given: wrapper.name });
  if (!name.ok) return name;
  const { typeUrl } = message;
  const value = message.toBinary();
  const ttl = wrapper.ttlMs === undefined ? {} : { ttlMs: wrapper.ttlMs };
  const key = { typeUrl, name: name.value };
  return ok({
    ...key,
    value,
    version: contentVersion({ typeUrl, value, ...ttl }),
    references: findReferences(message, key),
    ...ttl,
  });
}

/** A wrapper's name must be the message's own, except that `xdstp:` names stand beside it. */
function nameOf(
  message: AnyMessage,
  { type, given }: { type: ResourceType; given: string },
): Result<string, NotAResource> {
  const own = ownName(message, type);
  if (given === "" && own === "") return err(nameless(type));
  if (given === "" || own === "") return ok(given || own);
  if (given === own || given.startsWith("xdstp:")) return ok(given);
  const text = `must equal the ${type.singular}'s ${type.nameField} "${own}": ` +
    `current value is "${given}"`;
  return err({ message: text, path: ["name"] });
}

function ownName(message: AnyMessage, type: ResourceType): string {
  if (type.nameField === undefined) return "";
  const view = viewOf(message);
  const name = view.text(type.nameField);
  return name === "" && type.typeUrl === RATE_LIMIT_CONFIG ? view.text("domain") : name;
}

function nameless(type: ResourceType): NotAResource {
  if (type.nameField !== undefined) {
    return { message: `a ${type.singular} needs a ${type.nameField}`, path: [type.nameField] };
  }
  const text = `a ${type.singular} has no name of its own: wrap it in a ` +
    "type.googleapis.com/envoy.service.discovery.v3.Resource with name and resource";
  return { message: text, path: [] };
}

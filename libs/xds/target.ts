// SPDX-License-Identifier: Apache-2.0
/**
 * Which content of a resource a stream is to have: that of the view, unless this client or its peers
 * rejected it.
 * @module
 */
import type { Resource } from "./resource.ts";
import type { StreamState, TypeState } from "./stream_state.ts";

const NO_VALUE = new Uint8Array(0);

/**
 * Returns what the client is to have under this name; `undefined` if the name does not exist, `keep`
 * if there is nothing that the client would take.
 */
export function resolve(
  stream: StreamState,
  type: TypeState,
  name: string,
): Resource | "keep" | undefined {
  const current = stream.view.get(type.typeUrl, name) ??
    stream.view.placeholder?.(type.typeUrl, name);
  if (current === undefined) return undefined;
  if (type.isParked(current)) {
    return usable(type.known.get(name)) ?? unparked(type, stream.verdicts.lastAccepted(current)) ??
      "keep";
  }
  const substitute = stream.verdicts.substitute(current);
  if (substitute === undefined || type.known.get(name)?.version === current.version) return current;
  return unparked(type, substitute) ?? usable(type.known.get(name)) ?? "keep";
}

/**
 * Returns a stand-in for a resource of which only the version is known, because the client has it
 * from an earlier stream.
 */
export function versionOnly(typeUrl: string, name: string, version: string): Resource {
  return { typeUrl, name, version, value: NO_VALUE, references: [] };
}

/** Tells whether a resource is such a stand-in. */
export function isVersionOnly(resource: Resource | undefined): boolean {
  return resource?.value === NO_VALUE;
}

function usable(resource: Resource | undefined): Resource | undefined {
  return isVersionOnly(resource) ? undefined : resource;
}

function unparked(type: TypeState, resource: Resource | undefined): Resource | undefined {
  return resource === undefined || type.isParked(resource) ? undefined : resource;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The header by which a service that has verified a node asks another one in that node's stead. Its
 * word counts only by the certificate that it shows itself.
 * @module
 */
import type { Metadata } from "@denvoy/grpc";

/** Name of the header; a value for each URI SAN of the node's verified certificate. */
export const ON_BEHALF_OF = "x-denvoy-on-behalf-of";

/** Identities in one header, at most; a certificate that has more is not one of a workload. */
const MAX_IDENTITIES = 16;

/**
 * Returns the headers of a call in the stead of a node that has these verified URI SANs; undefined
 * when there is none to vouch for. One that holds a comma, or what a header cannot, could pose as
 * another, and is left out.
 */
export function onBehalfOf(uriSans: readonly string[]): Metadata | undefined {
  const identities = uriSans.filter((uri) => /^[\x21-\x2b\x2d-\x7e]+$/.test(uri));
  if (identities.length === 0 || identities.length > MAX_IDENTITIES) return undefined;
  return new Map([[ON_BEHALF_OF, identities]]);
}

/**
 * Returns for whom a call asks: the URI SANs, or undefined when it asks for its own peer. Whoever
 * calls this has to check that the peer may ask for others. An empty list is a header that cannot be
 * believed: it is none, or has too many, of what it should have.
 */
export function askedOnBehalfOf(metadata: Metadata): readonly string[] | undefined {
  const values = metadata.get(ON_BEHALF_OF);
  if (values === undefined) return undefined;
  // A transport may join repeated headers with a comma, which no URI SAN of a workload holds.
  const identities = values.flatMap((value) => typeof value === "string" ? value.split(",") : []);
  const trimmed = identities.map((identity) => identity.trim()).filter((text) => text !== "");
  return trimmed.length > MAX_IDENTITIES ? [] : trimmed;
}

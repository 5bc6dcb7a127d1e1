// SPDX-License-Identifier: Apache-2.0
/**
 * The header by which a service that has verified a node asks another one in that node's stead. Its
 * word counts only by the certificate that it shows itself.
 * @module
 */
import { err, ok, type Result } from "@denvoy/base";
import type { Metadata } from "@denvoy/grpc";

/** Name of the header; its value is the one URI SAN by which the node was verified. */
export const ON_BEHALF_OF = "x-denvoy-on-behalf-of";

/** Identities in one header, at most; a certificate that has more is not one of a workload. */
const MAX_IDENTITIES = 16;

/** An identity that is longer than what SPIFFE allows is not one of a workload. */
const MAX_IDENTITY_BYTES = 2048;

/**
 * Returns the headers of a call in the stead of a node with this verified URI SAN, or why there are
 * none. Whoever gets no headers must not call: without them the call would ask for the caller itself.
 * An identity with a comma could pose as two, and a header cannot hold blanks or what is not ASCII.
 */
export function onBehalfOf(identity: string): Result<Metadata, string> {
  if (identity.length > MAX_IDENTITY_BYTES) {
    return err(`identity must be at most ${MAX_IDENTITY_BYTES} bytes: has ${identity.length}`);
  }
  if (/^[\x21-\x2b\x2d-\x7e]+$/.test(identity)) return ok(new Map([[ON_BEHALF_OF, [identity]]]));
  return err(
    `identity must be visible ASCII characters without a comma: is ${JSON.stringify(identity)}`,
  );
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

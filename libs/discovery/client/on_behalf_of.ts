// SPDX-License-Identifier: Apache-2.0
/**
 * The headers by which a service that has verified a node asks another one in that node's stead. Its
 * word counts only by the certificate that it shows itself.
 * @module
 */
import { type CertificateId, err, ok, type Result } from "@denvoy/base";
import type { Metadata } from "@denvoy/grpc";

/** Name of the header whose value is the one URI SAN by which the node was verified. */
export const ON_BEHALF_OF = "x-denvoy-on-behalf-of";

/**
 * Name of the header that says which certificate that was, for whoever knows of revoked ones: its
 * serial number in hexadecimal digits, `;`, and its issuer (RFC 4514), percent-encoded.
 */
export const ON_BEHALF_OF_CERTIFICATE = "x-denvoy-on-behalf-of-certificate";

/** A node that was verified by its client certificate. */
export interface VerifiedNode {
  /** The URI SAN by which it was verified. */
  readonly identity: string;
  /** The certificate that has it. */
  readonly certificate: CertificateId;
}

/** For whom a call asks. */
export interface AskedOnBehalfOf {
  /** The URI SANs. None is a header that cannot be believed: it has nothing, or too much. */
  readonly identities: readonly string[];
  /** The certificate of the node; absent when the call does not say it, or not so that it is one. */
  readonly certificate?: CertificateId;
}

/** Identities in one header, at most; a certificate that has more is not one of a workload. */
const MAX_IDENTITIES = 16;

/** An identity that is longer than what SPIFFE allows is not one of a workload. */
const MAX_IDENTITY_BYTES = 2048;

/** The issuer in its header, at most. */
const MAX_ISSUER_BYTES = 4096;

/** Far more than the 20 octets of RFC 5280. */
const CERTIFICATE = /^([1-9a-f][0-9a-f]{0,127}|0);([\x21-\x2b\x2d-\x7e]*)$/;

/**
 * Returns the headers of a call in the stead of a node, or why there are none. Whoever gets no headers
 * must not call: without them the call would ask for the caller itself. An identity with a comma could
 * pose as two, and a header cannot hold blanks or what is not ASCII.
 */
export function onBehalfOf({ identity, certificate }: VerifiedNode): Result<Metadata, string> {
  if (identity.length > MAX_IDENTITY_BYTES) {
    return err(`identity must be at most ${MAX_IDENTITY_BYTES} bytes: has ${identity.length}`);
  }
  if (!/^[\x21-\x2b\x2d-\x7e]+$/.test(identity)) {
    return err(
      `identity must be visible ASCII characters without a comma: is ${JSON.stringify(identity)}`,
    );
  }
  const issuer = encodeURIComponent(certificate.issuer.toWellFormed());
  if (issuer.length > MAX_ISSUER_BYTES) {
    return err(`issuer must be at most ${MAX_ISSUER_BYTES} bytes: has ${issuer.length}`);
  }
  return ok(
    new Map([
      [ON_BEHALF_OF, [identity]],
      [ON_BEHALF_OF_CERTIFICATE, [`${certificate.serial};${issuer}`]],
    ]),
  );
}

/**
 * Returns for whom a call asks, or undefined when it asks for its own peer. Whoever calls this has to
 * check that the peer may ask for others.
 */
export function askedOnBehalfOf(metadata: Metadata): AskedOnBehalfOf | undefined {
  const values = metadata.get(ON_BEHALF_OF);
  const certificates = metadata.get(ON_BEHALF_OF_CERTIFICATE);
  if (values === undefined && certificates === undefined) return undefined;
  // A transport may join repeated headers with a comma, which no URI SAN of a workload holds.
  const identities = (values ?? []).flatMap((value) =>
    typeof value === "string" ? value.split(",") : []
  );
  const trimmed = identities.map((identity) => identity.trim()).filter((text) => text !== "");
  const certificate = certificates?.length === 1 ? readCertificate(certificates[0]) : undefined;
  return {
    identities: trimmed.length > MAX_IDENTITIES ? [] : trimmed,
    ...(certificate !== undefined && { certificate }),
  };
}

function readCertificate(value: string | Uint8Array | undefined): CertificateId | undefined {
  if (typeof value !== "string") return undefined;
  const [, serial, issuer] = CERTIFICATE.exec(value) ?? [];
  if (serial === undefined || issuer === undefined) return undefined;
  try {
    return { serial, issuer: decodeURIComponent(issuer) };
  } catch {
    return undefined;
  }
}

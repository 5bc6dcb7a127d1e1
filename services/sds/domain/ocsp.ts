// SPDX-License-Identifier: Apache-2.0
/**
 * OCSP (RFC 6960): the request for one certificate, and what a response says.
 * @module
 */
import { expectDerTag, readDer, readDerTime } from "@denvoy/base";
import { derObjectId, derOctets, derSequence, DerTag, derUnsigned } from "./ca/der.ts";
import type { OcspFacts } from "./certificate_facts.ts";
import type { ReadCertificate } from "./x509_reader.ts";

/** A response that was read. */
export interface ReadOcsp {
  /** What it says of its first certificate. */
  readonly facts: OcspFacts;
  /** The part that is signed with algorithm and signature, as in a certificate. */
  readonly signedDer: Uint8Array;
  /** DER certificates that came with it: a responder's own. */
  readonly certificates: readonly Uint8Array[];
}

const BASIC_RESPONSE = derObjectId("1.3.6.1.5.5.7.48.1.1").toHex();
const SUCCESSFUL = 0;
const statuses: Readonly<Record<number, OcspFacts["status"]>> = {
  0x80: "good",
  0xa1: "revoked",
  0x82: "unknown",
};

/**
 * Returns the DER of a request for one certificate. `sha1` names the issuer in it: RFC 5019 has
 * responders know no other digest.
 */
export function writeOcspRequest(
  certificate: ReadCertificate,
  issuer: ReadCertificate,
  sha1: (bytes: Uint8Array) => Uint8Array,
): Uint8Array {
  const algorithm = derSequence(derObjectId("1.3.14.3.2.26"), Uint8Array.of(DerTag.null, 0));
  const [, keyBits] = readDer(expectDerTag(readDer(issuer.spki)[0], DerTag.sequence));
  const key = expectDerTag(keyBits, DerTag.bitString).subarray(1);
  const { serial } = certificate.facts;
  const digits = Uint8Array.fromHex(serial.length % 2 === 0 ? serial : `0${serial}`);
  const id = derSequence(
    algorithm,
    derOctets(sha1(issuer.subjectDer)),
    derOctets(sha1(key)),
    derUnsigned(digits),
  );
  return derSequence(derSequence(derSequence(derSequence(id))));
}

/** Reads a response; undefined when it is none, or says that the responder failed. */
export function readOcspResponse(der: Uint8Array): ReadOcsp | undefined {
  try {
    const [status, wrapped] = readDer(expectDerTag(readDer(der)[0], DerTag.sequence));
    if (expectDerTag(status, DerTag.enumerated)[0] !== SUCCESSFUL) return undefined;
    const [envelope] = readDer(expectDerTag(wrapped, 0xa0));
    const [type, octets] = readDer(expectDerTag(envelope, DerTag.sequence));
    if (type?.raw.toHex() !== BASIC_RESPONSE) return undefined;
    return readBasicResponse(expectDerTag(octets, DerTag.octetString));
  } catch {
    // Whatever a stranger sent that is no response has nothing to say.
    return undefined;
  }
}

function readBasicResponse(der: Uint8Array): ReadOcsp {
  const parts = readDer(expectDerTag(readDer(der)[0], DerTag.sequence));
  const [data, algorithm, signature, extra] = parts;
  if (data === undefined || algorithm === undefined || signature === undefined) {
    throw new RangeError("cannot read response as a part is missing");
  }
  const [list] = extra === undefined ? [] : readDer(expectDerTag(extra, 0xa0));
  return {
    facts: readSingleResponse(expectDerTag(data, DerTag.sequence)),
    signedDer: derSequence(data.raw, algorithm.raw, signature.raw),
    certificates: list === undefined
      ? []
      : readDer(expectDerTag(list, DerTag.sequence)).map(({ raw }) => raw),
  };
}

/** ResponseData: version [0] by default absent, responderID [1] or [2], producedAt, responses. */
function readSingleResponse(data: Uint8Array): OcspFacts {
  const responses = readDer(data).find(({ tag }) => tag === DerTag.sequence);
  const [single] = readDer(expectDerTag(responses, DerTag.sequence));
  const [id, status, thisUpdate, next] = readDer(expectDerTag(single, DerTag.sequence));
  const [, , , serial] = readDer(expectDerTag(id, DerTag.sequence));
  const [nextUpdate] = next?.tag === 0xa0 ? readDer(next.content) : [];
  return {
    status: statuses[status?.tag ?? 0] ?? "unknown",
    serial: expectDerTag(serial, DerTag.integer).toHex().replace(/^0+(?=.)/, ""),
    thisUpdateMs: readDerTime(thisUpdate),
    ...(nextUpdate !== undefined &&
      { nextUpdateMs: readDerTime(nextUpdate) }),
  };
}

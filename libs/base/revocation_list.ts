// SPDX-License-Identifier: Apache-2.0
/**
 * Reads certificate revocation lists (RFC 5280, section 5) from their DER. Whether the signature is
 * right is for the caller to check: that needs cryptography.
 * @module
 */
import { formatSerialNumber } from "./certificate_id.ts";
import { formatDistinguishedName } from "./certificate_names.ts";
import { type DerElement, expectDerTag, readDer, readDerObjectId, readDerTime } from "./der.ts";

/** A list as it was read. */
export interface RevocationList {
  /** Who says so, in the form of RFC 4514. */
  readonly issuer: string;
  /** Since when, in milliseconds since the epoch. */
  readonly thisUpdateMs: number;
  /** When there is a newer one, in milliseconds since the epoch. */
  readonly nextUpdateMs: number;
  /** What is revoked, in the form of `CertificateId.serial`. */
  readonly serials: ReadonlySet<string>;
  /** What is signed. */
  readonly signed: Uint8Array;
  /** Object identifier of the signature's algorithm. */
  readonly algorithm: string;
  /** The signature. */
  readonly signature: Uint8Array;
}

const tagInteger = 0x02;
const tagBitString = 0x03;
const tagOctetString = 0x04;
const tagObjectId = 0x06;
const tagBoolean = 0x01;
const tagSequence = 0x30;
const tagExtensions = 0xa0;
const tagIndirect = 0x84;

const issuingDistributionPoint = "2.5.29.28";

/**
 * Returns a list.
 *
 * @throws RangeError when the bytes are not the DER of one, or when it means something else than that
 * its issuer has revoked what is on it (delta lists, indirect lists, critical extensions unknown here).
 */
export function readRevocationList(der: Uint8Array): RevocationList {
  const [list] = readDer(der);
  const [tbs, algorithm, signature] = readDer(expectDerTag(list, tagSequence));
  const fields = readDer(expectDerTag(tbs, tagSequence));
  // version (absent in v1), signature, issuer, thisUpdate, nextUpdate, revokedCertificates, [0]
  const first = fields[0]?.tag === tagInteger ? 1 : 0;
  const nextUpdate = fields[first + 3];
  if (nextUpdate?.tag !== 0x17 && nextUpdate?.tag !== 0x18) {
    throw new RangeError("cannot use list as it must say when it ends (nextUpdate): does not");
  }
  const rest = fields.slice(first + 4);
  checkExtensions(rest.find(({ tag }) => tag === tagExtensions)?.content);
  const [id] = readDer(expectDerTag(algorithm, tagSequence));
  return {
    issuer: formatDistinguishedName(expectDerTag(fields[first + 1], tagSequence)),
    thisUpdateMs: readDerTime(fields[first + 2]),
    nextUpdateMs: readDerTime(nextUpdate),
    serials: readSerials(rest.find(({ tag }) => tag === tagSequence)),
    signed: tbs?.raw ?? new Uint8Array(),
    algorithm: readDerObjectId(expectDerTag(id, tagObjectId)),
    // The first octet says how many bits of the last are none: no signature has any.
    signature: expectDerTag(signature, tagBitString).subarray(1),
  };
}

function readSerials(entries: DerElement | undefined): ReadonlySet<string> {
  const serials = new Set<string>();
  for (const entry of readDer(entries?.content ?? new Uint8Array())) {
    const [serial, , extensions] = readDer(expectDerTag(entry, tagSequence));
    serials.add(formatSerialNumber(expectDerTag(serial, tagInteger)));
    // A certificate of another issuer is such an extension.
    const [unknown] = criticalExtensions(extensions);
    if (unknown !== undefined) {
      throw new RangeError(`cannot use list as an entry must not need extension ${unknown.id}`);
    }
  }
  return serials;
}

interface Extension {
  readonly id: string;
  readonly value: Uint8Array;
}

function checkExtensions(content: Uint8Array | undefined): void {
  const [extensions] = readDer(content ?? new Uint8Array());
  for (const { id, value } of criticalExtensions(extensions)) {
    if (id !== issuingDistributionPoint) {
      throw new RangeError(`cannot use list as it must not need extension ${id}`);
    }
    // A list of some certificates only still revokes those that are on it.
    const [point] = readDer(value);
    if (!readDer(expectDerTag(point, tagSequence)).some(isIndirect)) continue;
    throw new RangeError(
      "cannot use list as it must be of its own issuer's certificates: indirect",
    );
  }
}

function isIndirect({ tag, content }: DerElement): boolean {
  return tag === tagIndirect && content[0] !== 0;
}

function criticalExtensions(extensions: DerElement | undefined): readonly Extension[] {
  if (extensions === undefined) return [];
  return readDer(expectDerTag(extensions, tagSequence)).flatMap((extension) => {
    const parts = readDer(expectDerTag(extension, tagSequence));
    const isCritical = parts[1]?.tag === tagBoolean && parts[1].content[0] !== 0;
    if (!isCritical) return [];
    return {
      id: readDerObjectId(expectDerTag(parts[0], tagObjectId)),
      value: expectDerTag(parts.at(-1), tagOctetString),
    };
  });
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Which certificate it is, whatever names are in it: by this it can be found among the revoked ones;
 * and until when it is one.
 * @module
 */
import { formatDistinguishedName } from "./certificate_names.ts";
import { expectDerTag, readDer, readDerTime } from "./der.ts";

/** What tells a certificate from all others (RFC 5280, section 4.1.2.2). */
export interface CertificateId {
  /** Serial number in lower-case hexadecimal digits, without zeros in front. */
  readonly serial: string;
  /** Who issued it, in the form of RFC 4514; empty for an empty name. */
  readonly issuer: string;
}

/** A certificate that somebody shows. */
export interface ShownCertificate extends CertificateId {
  /** End of its validity in milliseconds since the epoch. */
  readonly notAfterMs: number;
}

const tagSequence = 0x30;
const tagInteger = 0x02;
const tagVersion = 0xa0;

/**
 * Returns which certificate it is, and until when.
 *
 * @throws RangeError when the bytes are not the DER of a certificate.
 */
export function readShownCertificate(der: Uint8Array): ShownCertificate {
  const [certificate] = readDer(der);
  const [tbs] = readDer(expectDerTag(certificate, tagSequence));
  const fields = readDer(expectDerTag(tbs, tagSequence));
  // version (absent in v1), serialNumber, signature, issuer, validity
  const first = fields[0]?.tag === tagVersion ? 1 : 0;
  const [, notAfter] = readDer(expectDerTag(fields[first + 3], tagSequence));
  return {
    serial: formatSerialNumber(expectDerTag(fields[first], tagInteger)),
    issuer: formatDistinguishedName(expectDerTag(fields[first + 2], tagSequence)),
    notAfterMs: readDerTime(notAfter),
  };
}

/** Returns the contents of a serial number in the form of {@linkcode CertificateId.serial}. */
export function formatSerialNumber(content: Uint8Array): string {
  return content.toHex().replace(/^0+(?=.)/, "");
}

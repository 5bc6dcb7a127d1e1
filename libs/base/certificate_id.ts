// SPDX-License-Identifier: Apache-2.0
/**
 * Which certificate it is, whatever names are in it: by this it can be found among the revoked ones.
 * @module
 */
import { formatDistinguishedName } from "./certificate_names.ts";
import { expectDerTag, readDer } from "./der.ts";

/** What tells a certificate from all others (RFC 5280, section 4.1.2.2). */
export interface CertificateId {
  /** Serial number in lower-case hexadecimal digits, without zeros in front. */
  readonly serial: string;
  /** Who issued it, in the form of RFC 4514; empty for an empty name. */
  readonly issuer: string;
}

const tagSequence = 0x30;
const tagInteger = 0x02;
const tagVersion = 0xa0;

/**
 * Returns which certificate it is.
 *
 * @throws RangeError when the bytes are not the DER of a certificate.
 */
export function readCertificateId(der: Uint8Array): CertificateId {
  const [certificate] = readDer(der);
  const [tbs] = readDer(expectDerTag(certificate, tagSequence));
  const fields = readDer(expectDerTag(tbs, tagSequence));
  // version (absent in v1), serialNumber, signature, issuer
  const first = fields[0]?.tag === tagVersion ? 1 : 0;
  const serial = expectDerTag(fields[first], tagInteger).toHex().replace(/^0+(?=.)/, "");
  return {
    serial,
    issuer: formatDistinguishedName(expectDerTag(fields[first + 2], tagSequence)),
  };
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The names in an X.509 certificate, read from its DER bytes. Text forms such as OpenSSL's
 * `URI:a, DNS:b` are not used: a name that holds a comma could pose as a second name there.
 * @module
 */
import { type DerElement, expectDerTag, readDer, readDerObjectId } from "./der.ts";

/** The names a certificate vouches for. */
export interface CertificateNames {
  /** URI SANs in order. */
  readonly uriSans: readonly string[];
  /** DNS SANs in order. */
  readonly dnsSans: readonly string[];
  /** Subject in the form of RFC 4514, e.g. `CN=envoy-1,O=Denvoy`; empty for an empty subject. */
  readonly subject: string;
}

const tagSequence = 0x30;
const tagObjectId = 0x06;
const tagOctetString = 0x04;
const tagBmpString = 0x1e;
const tagExtensions = 0xa3;
const tagVersion = 0xa0;
const tagDnsName = 0x82;
const tagUri = 0x86;
const oidSubjectAltName = "2.5.29.17";

/** Short names of RFC 4514, section 3; other attributes keep their object identifier. */
const attributeNames: ReadonlyMap<string, string> = new Map([
  ["2.5.4.3", "CN"],
  ["2.5.4.6", "C"],
  ["2.5.4.7", "L"],
  ["2.5.4.8", "ST"],
  ["2.5.4.9", "STREET"],
  ["2.5.4.10", "O"],
  ["2.5.4.11", "OU"],
  ["0.9.2342.19200300.100.1.1", "UID"],
  ["0.9.2342.19200300.100.1.25", "DC"],
]);

/**
 * Returns the names in a certificate (RFC 5280, section 4.1).
 *
 * @throws RangeError when the bytes are not the DER of a certificate.
 */
export function readCertificateNames(der: Uint8Array): CertificateNames {
  const [certificate] = readDer(der);
  const [tbs] = readDer(expectDerTag(certificate, tagSequence));
  const fields = readDer(expectDerTag(tbs, tagSequence));
  // version (absent in v1), serialNumber, signature, issuer, validity, subject
  const subject = fields[fields[0]?.tag === tagVersion ? 5 : 4];
  const extensions = fields.find((field) => field.tag === tagExtensions);
  const names = extensions === undefined ? [] : readAlternativeNames(extensions.content);
  return {
    uriSans: namesOf(names, tagUri),
    dnsSans: namesOf(names, tagDnsName),
    subject: formatDistinguishedName(expectDerTag(subject, tagSequence)),
  };
}

function namesOf(names: readonly DerElement[], tag: number): string[] {
  return names.filter((name) => name.tag === tag).map((name) => latin1(name.content));
}

function readAlternativeNames(extensions: Uint8Array): readonly DerElement[] {
  const [list] = readDer(extensions);
  for (const extension of readDer(expectDerTag(list, tagSequence))) {
    const parts = readDer(expectDerTag(extension, tagSequence));
    if (readDerObjectId(expectDerTag(parts[0], tagObjectId)) !== oidSubjectAltName) continue;
    const [names] = readDer(expectDerTag(parts.at(-1), tagOctetString));
    return readDer(expectDerTag(names, tagSequence));
  }
  return [];
}

/**
 * Returns the contents of a Name in the form of RFC 4514, e.g. `CN=envoy-1,O=Denvoy`.
 *
 * @throws RangeError when they are not the DER of a Name.
 */
export function formatDistinguishedName(name: Uint8Array): string {
  const relativeNames = readDer(name).map((set) =>
    readDer(set.content).map(formatAttribute).join("+")
  );
  return relativeNames.reverse().join(",");
}

function formatAttribute(attribute: DerElement): string {
  const [type, value] = readDer(expectDerTag(attribute, tagSequence));
  const id = readDerObjectId(expectDerTag(type, tagObjectId));
  if (value === undefined) throw new RangeError(`cannot read attribute ${id} as it has no value`);
  return `${attributeNames.get(id) ?? id}=${escapeValue(readText(value))}`;
}

function readText(value: DerElement): string {
  if (value.tag !== tagBmpString) return new TextDecoder().decode(value.content);
  return new TextDecoder("utf-16be").decode(value.content);
}

function escapeValue(value: string): string {
  return value.replace(/[",+;<>\\=]|^[ #]| $/g, "\\$&").replaceAll("\0", "\\00");
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

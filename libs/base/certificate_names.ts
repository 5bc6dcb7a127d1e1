// SPDX-License-Identifier: Apache-2.0
/**
 * The names in an X.509 certificate, read from its DER bytes. Text forms such as OpenSSL's
 * `URI:a, DNS:b` are not used: a name that holds a comma could pose as a second name there.
 * @module
 */

/** The names a certificate vouches for. */
export interface CertificateNames {
  /** URI SANs in order. */
  readonly uriSans: readonly string[];
  /** DNS SANs in order. */
  readonly dnsSans: readonly string[];
  /** Subject in the form of RFC 4514, e.g. `CN=envoy-1,O=Denvoy`; empty for an empty subject. */
  readonly subject: string;
}

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
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
  const [certificate] = readElements(der);
  const [tbs] = readElements(expectTag(certificate, tagSequence));
  const fields = readElements(expectTag(tbs, tagSequence));
  // version (absent in v1), serialNumber, signature, issuer, validity, subject
  const subject = fields[fields[0]?.tag === tagVersion ? 5 : 4];
  const extensions = fields.find((field) => field.tag === tagExtensions);
  const names = extensions === undefined ? [] : readAlternativeNames(extensions.content);
  return {
    uriSans: namesOf(names, tagUri),
    dnsSans: namesOf(names, tagDnsName),
    subject: formatName(expectTag(subject, tagSequence)),
  };
}

function namesOf(names: readonly Element[], tag: number): string[] {
  return names.filter((name) => name.tag === tag).map((name) => latin1(name.content));
}

function readAlternativeNames(extensions: Uint8Array): readonly Element[] {
  const [list] = readElements(extensions);
  for (const extension of readElements(expectTag(list, tagSequence))) {
    const parts = readElements(expectTag(extension, tagSequence));
    if (readObjectId(expectTag(parts[0], tagObjectId)) !== oidSubjectAltName) continue;
    const [names] = readElements(expectTag(parts.at(-1), tagOctetString));
    return readElements(expectTag(names, tagSequence));
  }
  return [];
}

function formatName(name: Uint8Array): string {
  const relativeNames = readElements(name).map((set) =>
    readElements(set.content).map(formatAttribute).join("+")
  );
  return relativeNames.reverse().join(",");
}

function formatAttribute(attribute: Element): string {
  const [type, value] = readElements(expectTag(attribute, tagSequence));
  const id = readObjectId(expectTag(type, tagObjectId));
  if (value === undefined) throw new RangeError(`cannot read attribute ${id} as it has no value`);
  return `${attributeNames.get(id) ?? id}=${escapeValue(readText(value))}`;
}

function readText(value: Element): string {
  if (value.tag !== tagBmpString) return new TextDecoder().decode(value.content);
  return new TextDecoder("utf-16be").decode(value.content);
}

function escapeValue(value: string): string {
  return value.replace(/[",+;<>\\=]|^[ #]| $/g, "\\$&").replaceAll("\0", "\\00");
}

function readObjectId(content: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    arcs.push(arc);
    arc = 0;
  }
  const first = arcs[0] ?? 0;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...arcs.slice(1)].join(".");
}

function readElements(bytes: Uint8Array): Element[] {
  const elements: Element[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const { start, length } = readLength(bytes, offset + 1);
    const end = start + length;
    if (end > bytes.length) throw new RangeError(`cannot read DER as it ends within an element`);
    elements.push({ tag: bytes[offset] ?? 0, content: bytes.subarray(start, end) });
    offset = end;
  }
  return elements;
}

function readLength(bytes: Uint8Array, offset: number): { start: number; length: number } {
  const first = bytes[offset];
  if (first === undefined) throw new RangeError(`cannot read DER as it ends before a length`);
  if (first < 0x80) return { start: offset + 1, length: first };
  const size = first & 0x7f;
  if (size === 0 || size > 4) {
    throw new RangeError(`cannot read DER as a length must have 1 to 4 bytes: has ${size}`);
  }
  let length = 0;
  for (let i = 1; i <= size; i++) length = length * 256 + (bytes[offset + i] ?? 0);
  return { start: offset + 1 + size, length };
}

function expectTag(element: Element | undefined, tag: number): Uint8Array {
  if (element?.tag === tag) return element.content;
  const found = element === undefined ? "nothing" : `0x${element.tag.toString(16)}`;
  throw new RangeError(`cannot read DER as tag must be 0x${tag.toString(16)}: is ${found}`);
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

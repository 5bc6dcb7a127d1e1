// SPDX-License-Identifier: Apache-2.0
/**
 * Reads the fields of a certificate (RFC 5280, section 4.1 and 4.2.1) from its DER. A library that goes
 * through a schema takes a hundred times as long, which counts with thousands of secrets in a folder.
 * @module
 */
import {
  type DerElement,
  expectDerTag,
  formatDistinguishedName,
  readCertificateNames,
  readDer,
  readDerObjectId,
  readDerTime,
} from "@denvoy/base";
import { DerTag } from "./ca/der.ts";
import type { CertificateFacts } from "./certificate_facts.ts";

/** What a certificate says, apart from what needs cryptography. */
export interface CertificateFields {
  /** DER Name of its subject. */
  readonly subjectDer: Uint8Array;
  /** DER Name of its issuer. */
  readonly issuerDer: Uint8Array;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** Object identifier of the algorithm of its signature. */
  readonly signatureAlgorithm: string;
  /** What may be told. */
  readonly facts: Omit<CertificateFacts, "fingerprint" | "key" | "digest">;
}

const usageNames = [
  ...["digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment"],
  ...["keyAgreement", "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"],
];
const OCSP = "1.3.6.1.5.5.7.48.1";

/** Returns the fields. @throws RangeError when the bytes are not the DER of a certificate. */
export function readCertificateFields(der: Uint8Array): CertificateFields {
  const [certificate, rest] = readDer(der);
  if (rest !== undefined) throw new RangeError("cannot read certificate as more bytes follow it");
  const [tbs, algorithm] = readDer(expectDerTag(certificate, DerTag.sequence));
  const all = readDer(expectDerTag(tbs, DerTag.sequence));
  const [serial, inner, issuer, ...more] = all[0]?.tag === 0xa0 ? all.slice(1) : all;
  const [validity, subject, spki] = more;
  if (issuer === undefined || subject === undefined || spki === undefined) {
    throw new RangeError("cannot read certificate as a field is missing");
  }
  // RFC 5280, 4.1.1.2: what is signed says how it is signed.
  if (inner?.raw.toHex() !== algorithm?.raw.toHex()) {
    throw new RangeError("cannot read certificate as its two algorithms must be the same");
  }
  const [notBefore, notAfter] = readDer(expectDerTag(validity, DerTag.sequence));
  return {
    subjectDer: subject.raw,
    issuerDer: issuer.raw,
    spki: spki.raw,
    signatureAlgorithm: objectIdIn(algorithm),
    facts: {
      ...readCertificateNames(der),
      issuer: formatDistinguishedName(expectDerTag(issuer, DerTag.sequence)),
      serial: expectDerTag(serial, DerTag.integer).toHex().replace(/^0+(?=.)/, ""),
      notBeforeMs: readDerTime(notBefore),
      notAfterMs: readDerTime(notAfter),
      ...extensionFacts(readExtensions(all)),
    },
  };
}

/** Contents of the extensions' values by object identifier. */
type Extensions = ReadonlyMap<string, DerElement>;

function readExtensions(fields: readonly DerElement[]): Extensions {
  const wrapped = fields.find(({ tag }) => tag === 0xa3);
  const [list] = wrapped === undefined ? [] : readDer(wrapped.content);
  const extensions = new Map<string, DerElement>();
  for (const extension of list === undefined ? [] : elementsOf(list)) {
    const parts = elementsOf(extension);
    const [value] = readDer(expectDerTag(parts.at(-1), DerTag.octetString));
    if (value !== undefined) extensions.set(objectIdIn(extension), value);
  }
  return extensions;
}

type ExtensionFacts = Pick<
  CertificateFacts,
  | "ipSans"
  | "isCa"
  | "pathLength"
  | "keyUsages"
  | "extendedKeyUsages"
  | "subjectKeyId"
  | "authorityKeyId"
  | "ocspUrls"
>;

function extensionFacts(extensions: Extensions): ExtensionFacts {
  const keyUsage = extensions.get("2.5.29.15");
  const extended = extensions.get("2.5.29.37");
  const subjectKey = extensions.get("2.5.29.14");
  const authorityKey = extensions.get("2.5.29.35");
  const [keyId] = authorityKey === undefined ? [] : elementsOf(authorityKey);
  return {
    ipSans: addressesIn(extensions.get("2.5.29.17")),
    ...constraintsIn(extensions.get("2.5.29.19")),
    ...(keyUsage !== undefined && { keyUsages: usagesIn(keyUsage) }),
    ...(extended !== undefined && {
      extendedKeyUsages: elementsOf(extended).map(({ content }) => readDerObjectId(content)),
    }),
    ...(subjectKey !== undefined && { subjectKeyId: subjectKey.content.toHex() }),
    ...(keyId?.tag === 0x80 && { authorityKeyId: keyId.content.toHex() }),
    ocspUrls: respondersIn(extensions.get("1.3.6.1.5.5.7.1.1")),
  };
}

function constraintsIn(value: DerElement | undefined): Pick<ExtensionFacts, "isCa" | "pathLength"> {
  if (value === undefined) return { isCa: false };
  const [first, ...others] = elementsOf(value);
  const isCa = first?.tag === DerTag.boolean && first.content[0] !== 0;
  const length = first?.tag === DerTag.integer ? first : others[0];
  return {
    isCa,
    ...(length !== undefined && { pathLength: parseInt(length.content.toHex(), 16) }),
  };
}

function usagesIn(value: DerElement): readonly string[] {
  const bits = expectDerTag(value, DerTag.bitString).subarray(1);
  return usageNames.filter((_, at) => ((bits[at >> 3] ?? 0) & (0x80 >> (at & 7))) !== 0);
}

function addressesIn(value: DerElement | undefined): readonly string[] {
  const names = value === undefined ? [] : elementsOf(value);
  return names.filter(({ tag }) => tag === 0x87).map(({ content }) => addressText(content));
}

/** The longest run of zeros of an IPv6 address is left out (RFC 5952), as people write it. */
function addressText(bytes: Uint8Array): string {
  if (bytes.length !== 16) return bytes.join(".");
  const groups = Array.from(
    { length: 8 },
    (_, i) => ((bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  const text = groups.join(":");
  const runs = text.match(/(?:^|:)0(?::0)+(?=:|$)/g) ?? [];
  const longest = runs.reduce((best, run) => run.length > best.length ? run : best, "");
  if (longest === "") return text;
  const at = text.indexOf(longest);
  const before = text.slice(0, at);
  const after = text.slice(at + longest.length).replace(/^:/, "");
  return `${before}::${after}`;
}

function respondersIn(value: DerElement | undefined): readonly string[] {
  const accesses = value === undefined ? [] : elementsOf(value);
  return accesses.filter((access) => objectIdIn(access) === OCSP).flatMap((access) => {
    const [, responder] = elementsOf(access);
    return responder?.tag === 0x86 ? new TextDecoder().decode(responder.content) : [];
  });
}

/** Returns the object identifier that a SEQUENCE begins with. */
function objectIdIn(sequence: DerElement | undefined): string {
  const [id] = readDer(expectDerTag(sequence, DerTag.sequence));
  return readDerObjectId(expectDerTag(id, DerTag.objectId));
}

function elementsOf(sequence: DerElement): readonly DerElement[] {
  return readDer(expectDerTag(sequence, DerTag.sequence));
}

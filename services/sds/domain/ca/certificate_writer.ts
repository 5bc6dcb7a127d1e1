// SPDX-License-Identifier: Apache-2.0
/**
 * Puts a certificate together and signs it (RFC 5280, section 4.1).
 * @module
 */
import type { KeyType } from "../certificate_facts.ts";
import {
  derBits,
  derContext,
  derElement,
  derNumber,
  derObjectId,
  derSequence,
  DerTag,
  derText,
  derTime,
  derUnsigned,
} from "./der.ts";
import type { SigningKey } from "./signing_key.ts";

/** What a certificate says, in parts that are encoded already where they are the same for many. */
export interface CertificateTemplate {
  /** 1 to 20 bytes; read as unsigned. */
  readonly serial: Uint8Array;
  /** DER Name of the issuer: the very bytes of its subject. */
  readonly issuer: Uint8Array;
  /** DER Name; {@linkcode emptyName} for a leaf. */
  readonly subject: Uint8Array;
  /** Start of its validity; cut to the second. */
  readonly notBeforeMs: number;
  /** End of its validity; cut to the second. */
  readonly notAfterMs: number;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** DER Extension each. */
  readonly extensions: readonly Uint8Array[];
}

/** A Name without attributes. */
export const emptyName: Uint8Array = derSequence();

const nullParameters = Uint8Array.of(DerTag.null, 0);
const rsaSha256 = derSequence(derObjectId("1.2.840.113549.1.1.11"), nullParameters);

/** AlgorithmIdentifier of the signatures that each kind of key makes. */
const signatureAlgorithms: Readonly<Record<KeyType, Uint8Array>> = {
  "ec-p256": derSequence(derObjectId("1.2.840.10045.4.3.2")),
  "ec-p384": derSequence(derObjectId("1.2.840.10045.4.3.3")),
  "rsa-2048": rsaSha256,
  "rsa-3072": rsaSha256,
  "rsa-4096": rsaSha256,
  "ed25519": derSequence(derObjectId("1.3.101.112")),
};

/** Returns the DER AlgorithmIdentifier of what such a key signs. */
export function signatureAlgorithm(type: KeyType): Uint8Array {
  return signatureAlgorithms[type];
}

/** Returns a Name of a common name and an organization. */
export function distinguishedName(commonName: string, organization: string): Uint8Array {
  const attribute = (id: string, value: string) =>
    derElement(DerTag.set, derSequence(derObjectId(id), derText(value)));
  return derSequence(attribute("2.5.4.10", organization), attribute("2.5.4.3", commonName));
}

/** Signs a certificate; resolves with its DER. */
export function signCertificate(
  template: CertificateTemplate,
  key: SigningKey,
): Promise<Uint8Array> {
  const algorithm = signatureAlgorithm(key.type);
  return signStructure(
    derSequence(
      derContext(0, derNumber(2)),
      derUnsigned(template.serial),
      algorithm,
      template.issuer,
      derSequence(derTime(template.notBeforeMs), derTime(template.notAfterMs)),
      template.subject,
      template.spki,
      derContext(3, derSequence(...template.extensions)),
    ),
    key,
  );
}

/** Signs the bytes and appends algorithm and signature: the outer form of certificates and lists. */
export async function signStructure(toBeSigned: Uint8Array, key: SigningKey): Promise<Uint8Array> {
  const signature = await key.sign(toBeSigned);
  return derSequence(toBeSigned, signatureAlgorithm(key.type), derBits(signature));
}

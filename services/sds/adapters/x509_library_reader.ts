// SPDX-License-Identifier: Apache-2.0
/**
 * Reads certificates, lists and requests with the X.509 library, and compares keys and signatures with
 * the platform's cryptography.
 * @module
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { expectDerTag, formatDistinguishedName, readCertificateNames, readDer } from "@denvoy/base";
import type { CertificateFacts, KeyFacts } from "../domain/certificate_facts.ts";
import type {
  ReadCertificate,
  ReadCrl,
  ReadCsr,
  SignatureVerdict,
  X509Reader,
} from "../domain/x509_reader.ts";
import { keyFactsOf, signatureIsRight } from "./key_objects.ts";
import {
  AuthorityInfoAccessExtension,
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509Crl,
} from "./peculiar_x509.ts";

/** The reader of the running service. */
export class X509LibraryReader implements X509Reader {
  /** See {@linkcode X509Reader.readCertificate}. */
  readCertificate(der: Uint8Array): ReadCertificate | undefined {
    return readOrUndefined(() => {
      const parts = certificateParts(der);
      const certificate = new X509Certificate(new Uint8Array(der));
      return { der, ...parts, facts: certificateFacts(certificate, { der, ...parts }) };
    });
  }

  /** See {@linkcode X509Reader.readCrl}. */
  readCrl(der: Uint8Array): ReadCrl | undefined {
    return readOrUndefined(() => {
      const crl = new X509Crl(new Uint8Array(der));
      const issuerDer = crlIssuer(der);
      const nextUpdateMs = crl.nextUpdate?.getTime();
      const facts = {
        issuer: formatDistinguishedName(expectDerTag(readDer(issuerDer)[0], 0x30)),
        thisUpdateMs: crl.thisUpdate.getTime(),
        ...(nextUpdateMs !== undefined && { nextUpdateMs }),
        revokedSerials: crl.entries.map((entry) => withoutZeros(entry.serialNumber)),
      };
      return { der, issuerDer, facts };
    });
  }

  /** See {@linkcode X509Reader.readKey}. */
  readKey(keyPem: string): KeyFacts | undefined {
    return readOrUndefined(() => keyFactsOf(createPrivateKey(keyPem)));
  }

  /** See {@linkcode X509Reader.readCsr}. */
  async readCsr(der: Uint8Array): Promise<ReadCsr | undefined> {
    try {
      const request = new Pkcs10CertificateRequest(new Uint8Array(der));
      const spki = new Uint8Array(request.publicKey.rawData);
      if (!await request.verify()) return undefined;
      return { spki, key: keyFactsOf(publicKey(spki)) };
    } catch {
      // Whatever a stranger sent that is no request has nothing to say.
      return undefined;
    }
  }

  /** See {@linkcode X509Reader.publicJwk}. */
  publicJwk(certificateDer: Uint8Array): Readonly<Record<string, unknown>> {
    const jwk = readOrUndefined(() => {
      const { spki } = certificateParts(certificateDer);
      return { ...publicKey(spki).export({ format: "jwk" }) };
    });
    return jwk ?? {};
  }

  /** See {@linkcode X509Reader.keyBelongsTo}. */
  keyBelongsTo(keyPem: string, certificate: ReadCertificate): boolean {
    const own = readOrUndefined(() => spkiOf(createPublicKey(createPrivateKey(keyPem))));
    const wanted = readOrUndefined(() => spkiOf(publicKey(certificate.spki)));
    return own !== undefined && wanted !== undefined && own.equals(wanted);
  }

  /** See {@linkcode X509Reader.signatureOf}. */
  signatureOf(signedDer: Uint8Array, issuerSpki: Uint8Array): SignatureVerdict {
    return readOrUndefined(() => signatureIsRight(signedDer, publicKey(issuerSpki))) ??
      "unsupported";
  }
}

function readOrUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    // The cause is dropped: it could quote a key.
    return undefined;
  }
}

function publicKey(spki: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

interface CertificateParts {
  readonly subjectDer: Uint8Array;
  readonly issuerDer: Uint8Array;
  readonly spki: Uint8Array;
}

function certificateParts(der: Uint8Array): CertificateParts {
  const [certificate, rest] = readDer(der);
  if (rest !== undefined) throw new RangeError("cannot read certificate as more bytes follow");
  const [tbs] = readDer(expectDerTag(certificate, 0x30));
  const fields = readDer(expectDerTag(tbs, 0x30));
  const [, , issuer, , subject, spki] = fields[0]?.tag === 0xa0 ? fields.slice(1) : fields;
  if (issuer === undefined || subject === undefined || spki === undefined) {
    throw new RangeError("cannot read certificate as a field is missing");
  }
  return { subjectDer: subject.raw, issuerDer: issuer.raw, spki: spki.raw };
}

function crlIssuer(der: Uint8Array): Uint8Array {
  const [tbs] = readDer(expectDerTag(readDer(der)[0], 0x30));
  const fields = readDer(expectDerTag(tbs, 0x30));
  const issuer = fields[0]?.tag === 0x02 ? fields[2] : fields[1];
  if (issuer === undefined) throw new RangeError("cannot read list as its issuer is missing");
  return issuer.raw;
}

function certificateFacts(
  certificate: X509Certificate,
  { der, issuerDer, spki }: CertificateParts & { readonly der: Uint8Array },
): CertificateFacts {
  const names = readCertificateNames(der);
  return {
    ...names,
    issuer: formatDistinguishedName(expectDerTag(readDer(issuerDer)[0], 0x30)),
    serial: withoutZeros(certificate.serialNumber),
    notBeforeMs: certificate.notBefore.getTime(),
    notAfterMs: certificate.notAfter.getTime(),
    fingerprint: createHash("sha256").update(der).digest("hex"),
    key: readOrUndefined(() => keyFactsOf(publicKey(spki))) ?? { family: "other", bits: 0 },
    digest: digestOf(certificate),
    ...extensionFacts(certificate),
  };
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

function extensionFacts(certificate: X509Certificate): ExtensionFacts {
  const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  const constraints = certificate.getExtension(BasicConstraintsExtension);
  const usages = certificate.getExtension(KeyUsagesExtension)?.usages;
  const extended = certificate.getExtension(ExtendedKeyUsageExtension)?.usages;
  const subjectKeyId = certificate.getExtension(SubjectKeyIdentifierExtension)?.keyId;
  const authorityKeyId = certificate.getExtension(AuthorityKeyIdentifierExtension)?.keyId;
  const access = certificate.getExtension(AuthorityInfoAccessExtension);
  return {
    ipSans: names.filter((name) => name.type === "ip").map((name) => name.value),
    isCa: constraints?.ca ?? false,
    ...(constraints?.pathLength !== undefined && { pathLength: constraints.pathLength }),
    ...(usages !== undefined && { keyUsages: usageNames(usages) }),
    ...(extended !== undefined && { extendedKeyUsages: extended.map(String) }),
    ...(subjectKeyId !== undefined && { subjectKeyId }),
    ...(authorityKeyId !== undefined && { authorityKeyId }),
    ocspUrls: (access?.ocsp ?? []).filter((name) => name.type === "url").map((name) => name.value),
  };
}

function usageNames(flags: KeyUsageFlags): string[] {
  const names: readonly (readonly [KeyUsageFlags, string])[] = [
    [KeyUsageFlags.digitalSignature, "digitalSignature"],
    [KeyUsageFlags.nonRepudiation, "nonRepudiation"],
    [KeyUsageFlags.keyEncipherment, "keyEncipherment"],
    [KeyUsageFlags.dataEncipherment, "dataEncipherment"],
    [KeyUsageFlags.keyAgreement, "keyAgreement"],
    [KeyUsageFlags.keyCertSign, "keyCertSign"],
    [KeyUsageFlags.cRLSign, "cRLSign"],
    [KeyUsageFlags.encipherOnly, "encipherOnly"],
    [KeyUsageFlags.decipherOnly, "decipherOnly"],
  ];
  return names.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name);
}

function digestOf(certificate: X509Certificate): string {
  const { name, hash } = certificate.signatureAlgorithm;
  if (name === "Ed25519") return "none";
  return hash?.name.toLowerCase().replace("-", "") ?? "unknown";
}

function withoutZeros(hex: string): string {
  return hex.toLowerCase().replace(/^0+(?=.)/, "");
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Reads certificates, lists and requests, the latter two with the X.509 library, and compares keys and
 * signatures with the platform's cryptography.
 * @module
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  X509Certificate,
} from "node:crypto";
import { expectDerTag, formatDistinguishedName, readDer, readDerObjectId } from "@denvoy/base";
import { type CertificateFields, readCertificateFields } from "../domain/certificate_fields.ts";
import type { CertificateFacts, KeyFacts } from "../domain/certificate_facts.ts";
import type {
  ReadCertificate,
  ReadCrl,
  ReadCsr,
  SignatureVerdict,
  X509Reader,
} from "../domain/x509_reader.ts";
import { digestOf, keyFactsOf, signatureIsRight } from "./key_objects.ts";
import { Pkcs10CertificateRequest, X509Crl } from "./peculiar_x509.ts";

/** The reader of the running service. */
export class X509LibraryReader implements X509Reader {
  /** See {@linkcode X509Reader.readCertificate}. */
  readCertificate(der: Uint8Array): ReadCertificate | undefined {
    return readOrUndefined(() => {
      // Whatever the platform cannot read would not work in a handshake either.
      new X509Certificate(der);
      const { facts, signatureAlgorithm, ...ders } = readCertificateFields(der);
      return { der, ...ders, facts: withCryptography(facts, { der, signatureAlgorithm, ...ders }) };
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
      return { spki, key: keyFactsOf(publicKey(spki)), digest: signatureDigest(der) };
    } catch {
      // Whatever a stranger sent that is no request has nothing to say.
      return undefined;
    }
  }

  /** See {@linkcode X509Reader.publicJwk}. */
  publicJwk(certificateDer: Uint8Array): Readonly<Record<string, unknown>> {
    const jwk = readOrUndefined(() => {
      const { spki } = readCertificateFields(certificateDer);
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

/** Of a signed structure: the digest of the algorithm that stands beside what is signed. */
function signatureDigest(der: Uint8Array): string {
  const [, algorithm] = readDer(expectDerTag(readDer(der)[0], 0x30));
  const [id] = readDer(expectDerTag(algorithm, 0x30));
  return digestOf(readDerObjectId(expectDerTag(id, 0x06)));
}

function crlIssuer(der: Uint8Array): Uint8Array {
  const [tbs] = readDer(expectDerTag(readDer(der)[0], 0x30));
  const fields = readDer(expectDerTag(tbs, 0x30));
  const issuer = fields[0]?.tag === 0x02 ? fields[2] : fields[1];
  if (issuer === undefined) throw new RangeError("cannot read list as its issuer is missing");
  return issuer.raw;
}

function withCryptography(
  facts: CertificateFields["facts"],
  { der, spki, signatureAlgorithm }: {
    readonly der: Uint8Array;
    readonly spki: Uint8Array;
    readonly signatureAlgorithm: string;
  },
): CertificateFacts {
  return {
    ...facts,
    fingerprint: createHash("sha256").update(der).digest("hex"),
    key: readOrUndefined(() => keyFactsOf(publicKey(spki))) ?? { family: "other", bits: 0 },
    digest: digestOf(signatureAlgorithm),
  };
}

function withoutZeros(hex: string): string {
  return hex.toLowerCase().replace(/^0+(?=.)/, "");
}

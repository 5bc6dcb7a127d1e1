// SPDX-License-Identifier: Apache-2.0
/**
 * Turns PKCS#12 files (`.p12`, `.pfx`) into PEM: over SDS Envoy takes no PKCS#12.
 * @module
 */
import { err, ok, type Problem, type Result } from "@denvoy/base";
import { isNamedIssuer, isSelfIssued } from "../domain/certificate_block.ts";
import { DerivationError } from "../domain/key_derivation.ts";
import { writePem } from "../domain/pem.ts";
import type { ReadCertificate, X509Reader } from "../domain/x509_reader.ts";
import { certificateOfBag, keyOfBag, openPkcs12, type Pkcs12Bags } from "./forge.ts";
import { pkcs8Pem } from "./private_key_reader.ts";

/** Where a key and its certificates are read from. */
export interface Pkcs12File {
  /** The file's bytes. */
  readonly bytes: Uint8Array;
  /** What it is encrypted with; empty when absent. */
  readonly passphrase?: string;
  /** The file, for the place of a problem. */
  readonly file?: string;
}

/** What was in it. */
export interface Pkcs12Content {
  /** PEM, leaf first, each followed by its issuer, as far as they are there; without a root. */
  readonly chainPem: string;
  /** PEM PKCS#8. */
  readonly keyPem: string;
  /** PEM of the roots that were in it; empty when there was none. */
  readonly rootsPem: string;
}

const MAX_BYTES = 1024 * 1024;

/** Returns the key and its chain, or why they cannot be read. */
export function readPkcs12(
  source: Pkcs12File,
  x509: X509Reader,
): Result<Pkcs12Content, readonly Problem[]> {
  const refuse = (rule: string) => err([pkcs12Problem(source, rule)]);
  const { bytes } = source;
  if (bytes.length > MAX_BYTES) {
    return refuse(`it must be at most ${MAX_BYTES} bytes: is ${bytes.length}`);
  }
  const bags = openBags(source);
  if (bags instanceof DerivationError) return refuse(bags.message);
  if (bags === undefined) {
    return refuse("its bytes must be PKCS#12 and its passphrase right: one of them is not");
  }
  const [key, second] = bags.keys;
  if (key === undefined || second !== undefined) {
    return refuse(`it must hold one private key: holds ${bags.keys.length}`);
  }
  const keyPem = pkcs8Pem(keyOfBag(key));
  if (keyPem === undefined) return refuse("its key must be EC, RSA or Ed25519: is of another kind");
  const certificates = bags.certificates.map((bag) => x509.readCertificate(certificateOfBag(bag)));
  const read = certificates.filter((certificate) => certificate !== undefined);
  const leaf = read.find((certificate) => x509.keyBelongsTo(keyPem, certificate));
  if (leaf === undefined) {
    return refuse(`its key must belong to one of its certificates: has ${read.length}, none fits`);
  }
  const roots = read.filter((certificate) => certificate !== leaf && isSelfIssued(certificate));
  return ok({
    chainPem: pemOf(chainFrom(leaf, read)),
    keyPem,
    rootsPem: pemOf(roots),
  });
}

function openBags(
  { bytes, passphrase = "" }: Pkcs12File,
): Pkcs12Bags | DerivationError | undefined {
  try {
    return openPkcs12(bytes, passphrase);
  } catch (error) {
    // Any other cause is dropped: it could quote the content.
    return error instanceof DerivationError ? error : undefined;
  }
}

function chainFrom(leaf: ReadCertificate, all: readonly ReadCertificate[]): ReadCertificate[] {
  const chain = [leaf];
  for (let last = leaf; !isSelfIssued(last);) {
    const issuer = all.find((one) => isNamedIssuer(last, one) && !chain.includes(one));
    if (issuer === undefined || isSelfIssued(issuer)) break;
    chain.push(issuer);
    last = issuer;
  }
  return chain;
}

function pemOf(certificates: readonly ReadCertificate[]): string {
  return certificates.map(({ der }) => writePem("CERTIFICATE", der)).join("");
}

function pkcs12Problem({ file }: Pkcs12File, rule: string): Problem {
  const message = `cannot use PKCS#12 as ${rule}`;
  return { severity: "error", message, ...(file === undefined ? { path: "pkcs12" } : { file }) };
}

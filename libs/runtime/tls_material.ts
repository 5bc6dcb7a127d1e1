// SPDX-License-Identifier: Apache-2.0
/**
 * The check that the keys of a TLS server belong together, and what they say of themselves.
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Problem, TlsMaterial } from "@denvoy/base";

export type { TlsMaterial } from "@denvoy/base";

/** What the leaf certificate says about itself. */
export interface CertificateFacts {
  /** Subject as one line, e.g. `CN=ads.mesh`. */
  readonly subject: string;
  /** End of its validity in milliseconds since the epoch. */
  readonly notAfterMs: number;
  /** Start of its validity in milliseconds since the epoch. */
  readonly notBeforeMs: number;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Returns what is wrong with the material; the private key never appears in a message. */
export function checkTlsMaterial(
  material: TlsMaterial,
  files: { readonly cert: string; readonly key: string; readonly clientCa?: string },
): readonly Problem[] {
  const problems = checkCertificates(material.certificateChain, files.cert);
  const keyProblem = checkKey(material.privateKey, files.key);
  if (keyProblem !== undefined) problems.push(keyProblem);
  if (problems.length === 0 && !belongTogether(material)) {
    const message = `cannot use certificate as its key must be the one in ${files.key}`;
    problems.push({ severity: "error", file: files.cert, message });
  }
  if (material.clientCa !== undefined) {
    problems.push(...checkCertificates(material.clientCa, files.clientCa ?? "client CA"));
  }
  return problems;
}

/** Returns what the leaf says, or undefined for PEM that holds no certificate. */
export function certificateFacts(certificateChain: string): CertificateFacts | undefined {
  const [leaf] = certificateChain.match(CERTIFICATE) ?? [];
  if (leaf === undefined) return undefined;
  try {
    const certificate = new X509Certificate(leaf);
    return {
      subject: certificate.subject.replaceAll("\n", ", "),
      notAfterMs: Date.parse(certificate.validTo),
      notBeforeMs: Date.parse(certificate.validFrom),
    };
  } catch {
    return undefined;
  }
}

/** Returns what is wrong with PEM that has to hold certificates; `file` appears in problems. */
export function checkCertificates(pem: string, file: string): Problem[] {
  const blocks = pem.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) {
    return [{
      severity: "error",
      file,
      message: "cannot use file as it must hold a PEM certificate",
    }];
  }
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch {
      const message = `cannot use file as certificate ${
        index + 1
      } of ${blocks.length} must be X.509`;
      return [{ severity: "error", file, message }];
    }
  }
  return [];
}

function checkKey(pem: string, file: string): Problem | undefined {
  try {
    createPrivateKey(pem);
    return undefined;
  } catch {
    // The cause is dropped: it could quote the key.
    const message = "cannot use file as it must hold a PEM private key without a passphrase";
    return { severity: "error", file, message };
  }
}

function belongTogether(material: TlsMaterial): boolean {
  try {
    const leaf = new X509Certificate(material.certificateChain.match(CERTIFICATE)?.[0] ?? "");
    return leaf.checkPrivateKey(createPrivateKey(material.privateKey));
  } catch {
    return false;
  }
}

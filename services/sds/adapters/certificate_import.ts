// SPDX-License-Identifier: Apache-2.0
/**
 * Turns what users keep certificates in into what Envoy takes: PEM without a passphrase.
 * @module
 */
import { err, ok, type Result } from "@denvoy/base";

/** What a certificate is read from; bytes and texts that are missing were refused before. */
export type CertificateSource =
  | { readonly kind: "pem"; readonly chain: string | undefined; readonly key: string | undefined }
  | { readonly kind: "pkcs12"; readonly bytes: Uint8Array | undefined };

/** A certificate with its key, as Envoy takes it. */
export interface ImportedCertificate {
  /** PEM chain, leaf first. */
  readonly chainPem: string;
  /** PEM key without a passphrase. */
  readonly keyPem: string;
}

/** Returns the certificate, or why it cannot be had; never quotes what it read. */
export function importCertificate(
  source: CertificateSource,
  _options: { readonly passphrase: string | undefined },
): Promise<Result<ImportedCertificate, string>> {
  if (source.kind === "pkcs12") return Promise.resolve(err("cannot read PKCS#12"));
  const { chain: chainPem = "", key: keyPem = "" } = source;
  return Promise.resolve(ok({ chainPem, keyPem }));
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Where a secret comes from: which files it is read from, or what is made for it.
 * @module
 */
import type { IssueRequest } from "./certificate_authority.ts";
import type { SanMatcher } from "./secret_material.ts";

/** A secret that is declared, with where it comes from. */
export interface SecretSpec {
  /** The name that Envoys ask for. */
  readonly name: string;
  /** Where that is written, for problems. */
  readonly place: string;
  /** Where it comes from. */
  readonly from: SecretOrigin;
}

/** Where a secret comes from. Paths are complete. */
export type SecretOrigin =
  | {
    /** A certificate with its key, in PEM, or both in a PKCS#12 file. */
    readonly kind: "certificate-files";
    /** PEM chain; absent with `pkcs12`. */
    readonly chain?: string;
    /** PEM key; absent with `pkcs12`. */
    readonly key?: string;
    /** PKCS#12 file. */
    readonly pkcs12?: string;
    /** File whose first line is the passphrase of the key or PKCS#12 file. */
    readonly password?: string;
    /** DER of an OCSP response. */
    readonly ocsp?: string;
    /** Whether a staple is fetched from the responder that the certificate names. */
    readonly fetchOcsp: boolean;
  }
  | {
    /** Whom to trust. */
    readonly kind: "trust";
    /** PEM bundle. */
    readonly bundle?: string;
    /** Whether the roots of the own CA are trusted, with its revocation lists. */
    readonly ownCa: boolean;
    /** PEM revocation lists. */
    readonly crl?: string;
    /** See `ValidationContextMaterial.onlyVerifyLeafCrl`. */
    readonly onlyVerifyLeafCrl: boolean;
    /** Names of which a peer must have one. */
    readonly sanMatchers: readonly SanMatcher[];
  }
  | {
    /** Session ticket keys from files of 80 bytes; the first encrypts. */
    readonly kind: "ticket-files";
    /** The files. */
    readonly files: readonly string[];
  }
  | {
    /** Session ticket keys that are made here. */
    readonly kind: "generated-tickets";
    /** How often a new key becomes the first, in milliseconds. */
    readonly rotateMs: number;
    /** How many keys are kept. */
    readonly keep: number;
  }
  | {
    /** Anything else. */
    readonly kind: "generic-files";
    /** The file of the one value. */
    readonly file?: string;
    /** Files of named values. */
    readonly files: ReadonlyMap<string, string>;
  }
  | {
    /** A certificate that the own CA issues. */
    readonly kind: "issued";
    /** What is asked of it. */
    readonly request: IssueRequest;
  };

/** Returns the files that a secret is read from. */
export function filesOf(from: SecretOrigin): readonly string[] {
  switch (from.kind) {
    case "certificate-files":
      return [from.chain, from.key, from.pkcs12, from.password, from.ocsp].filter(isPath);
    case "trust":
      return [from.bundle, from.crl].filter(isPath);
    case "ticket-files":
      return from.files;
    case "generic-files":
      return [from.file, ...from.files.values()].filter(isPath);
    case "generated-tickets":
    case "issued":
      return [];
  }
}

function isPath(path: string | undefined): path is string {
  return path !== undefined;
}

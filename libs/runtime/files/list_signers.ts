// SPDX-License-Identifier: Apache-2.0
/**
 * Who may sign revocation lists: the CAs of a bundle, and those below them that are shown with the lists.
 * @module
 */
import { verify, X509Certificate } from "node:crypto";
import { expectDerTag, formatDistinguishedName, readDer, type RevocationList } from "@denvoy/base";

/** What the signature of a list says. */
export type SignatureVerdict =
  /** A trusted CA has signed it. */
  | "trusted"
  /** A CA has signed it that is shown, and that no root of the bundle vouches for. */
  | "foreign"
  /** Nobody who is known has signed it. */
  | "unknown";

/** Digests by the object identifier of the signature's algorithm; Ed25519 has its own. */
const DIGESTS: ReadonlyMap<string, string | undefined> = new Map([
  ["1.2.840.10045.4.3.2", "sha256"],
  ["1.2.840.10045.4.3.3", "sha384"],
  ["1.2.840.10045.4.3.4", "sha512"],
  ["1.2.840.113549.1.1.11", "sha256"],
  ["1.2.840.113549.1.1.12", "sha384"],
  ["1.2.840.113549.1.1.13", "sha512"],
  ["1.3.101.112", undefined],
]);

interface Authority {
  readonly subject: string;
  readonly issuer: string;
  readonly certificate: X509Certificate;
}

/** The CAs. */
export class ListSigners {
  readonly #trusted: Authority[];
  readonly #foreign: Authority[] = [];

  /** `roots` are the bundle, `shown` what came with the lists; what is no CA is passed over. */
  constructor(
    { roots, shown, nowMs }: {
      readonly roots: readonly Uint8Array[];
      readonly shown: readonly Uint8Array[];
      readonly nowMs: number;
    },
  ) {
    this.#trusted = roots.flatMap(authorityOf);
    let left = shown.flatMap(authorityOf).filter(({ certificate }) => isValid(certificate, nowMs));
    // Each round trusts those that stand right below somebody who is trusted already.
    for (;;) {
      const [vouched, others] = partition(left, (each) => this.#isVouchedFor(each));
      if (vouched.length === 0) break;
      this.#trusted.push(...vouched);
      left = others;
    }
    this.#foreign.push(...left);
  }

  /** Tells who has signed a list. @throws Error for an algorithm that is not known here */
  verdict(list: RevocationList): SignatureVerdict {
    if (!DIGESTS.has(list.algorithm)) {
      throw new Error(
        "its signature must be ECDSA, RSA (PKCS #1 v1.5) or Ed25519, with SHA-256 or more: is " +
          list.algorithm,
      );
    }
    if (this.#trusted.some((each) => hasSigned(each, list))) return "trusted";
    return this.#foreign.some((each) => hasSigned(each, list)) ? "foreign" : "unknown";
  }

  #isVouchedFor({ issuer, certificate }: Authority): boolean {
    return this.#trusted.some((each) =>
      each.subject === issuer && attempt(() => certificate.verify(each.certificate.publicKey))
    );
  }
}

function authorityOf(der: Uint8Array): readonly Authority[] {
  try {
    const certificate = new X509Certificate(der);
    if (!certificate.ca) return [];
    const [tbs] = readDer(expectDerTag(readDer(der)[0], 0x30));
    const fields = readDer(expectDerTag(tbs, 0x30));
    // version (absent in v1), serialNumber, signature, issuer, validity, subject
    const first = fields[0]?.tag === 0xa0 ? 1 : 0;
    const name = (index: number) => formatDistinguishedName(expectDerTag(fields[index], 0x30));
    return [{ subject: name(first + 4), issuer: name(first + 2), certificate }];
  } catch {
    return [];
  }
}

function isValid({ validFrom, validTo }: X509Certificate, nowMs: number): boolean {
  return Date.parse(validFrom) <= nowMs && nowMs < Date.parse(validTo);
}

function hasSigned({ subject, certificate }: Authority, list: RevocationList): boolean {
  if (subject !== list.issuer) return false;
  const digest = DIGESTS.get(list.algorithm);
  return attempt(() => verify(digest, list.signed, certificate.publicKey, list.signature));
}

/** A key of another kind than the signature throws: then it has not signed. */
function attempt(check: () => boolean): boolean {
  try {
    return check();
  } catch {
    return false;
  }
}

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  const first: T[] = [];
  const others: T[] = [];
  for (const item of items) (isFirst(item) ? first : others).push(item);
  return [first, others];
}

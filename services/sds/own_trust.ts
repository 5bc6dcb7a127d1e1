// SPDX-License-Identifier: Apache-2.0
/**
 * The trust of the own CA as secrets: its bundle, with its revocation lists as soon as there is
 * something on them. A list that has ended makes Envoy refuse everybody, so that an empty one would
 * only be a risk.
 * @module
 */
import type { Clock, Logger } from "@denvoy/base";
import type { OwnTrust } from "./adapters/secret_material_reader.ts";
import { ALL_BUNDLES, OWN_BUNDLE } from "./domain/access_policy.ts";
import type { CertificateAuthority } from "./domain/certificate_authority.ts";
import { checkSecret } from "./domain/secret_check.ts";
import type { SecretBook } from "./domain/secret_book.ts";
import type { CheckedSecret } from "./domain/secret_facts.ts";
import type { TrustDomainBundle, ValidationContextMaterial } from "./domain/secret_material.ts";
import type { X509Reader } from "./domain/x509_reader.ts";

/** What the trust is made of. */
export interface OwnTrustParts {
  /** Whom to trust. */
  readonly ca: CertificateAuthority;
  /** Where secrets go. */
  readonly book: SecretBook;
  /** Reads certificates and lists. */
  readonly x509: X509Reader;
  /** Where failures are logged. */
  readonly logger: Logger;
  /** Where time comes from. */
  readonly clock: Clock;
  /** Bundles of other trust domains, as they are now. */
  readonly federated: () => readonly TrustDomainBundle[];
}

/** Returns the roots of the own CA and, once something was revoked, its lists. */
export function ownTrustOf({ ca }: Pick<OwnTrustParts, "ca">): OwnTrust {
  const { bundlePem, authorities } = ca.trustBundle();
  const crlPem = ca.crlPem();
  if (crlPem === "") return { bundlePem };
  return { bundlePem, crlPem, onlyVerifyLeafCrl: authorities.some(({ outside }) => outside) };
}

/** Puts the bundles into the book; those that cannot be served leave the last ones there. */
export function publishOwnTrust(parts: OwnTrustParts): void {
  const { ca, book, x509, logger, clock, federated } = parts;
  const nowMs = clock.nowMs();
  const own = ownTrustOf(parts);
  const { trustDomain } = ca;
  const domains = federated();
  const all = [{ trustDomain, bundlePem: own.bundlePem }, ...domains];
  const contexts: readonly (readonly [string, ValidationContextMaterial])[] = [
    [OWN_BUNDLE, context(own)],
    [`spiffe://${trustDomain}`, context(own)],
    [ALL_BUNDLES, { ...context(domains.length > 0 ? withoutLists(own) : own), trustDomains: all }],
    ...domains.map((domain) => [`spiffe://${domain.trustDomain}`, context(domain)] as const),
  ];
  const put = contexts.flatMap(
    ([name, material]): readonly (readonly [string, CheckedSecret])[] => {
      const checked = checkSecret(material, { x509, nowMs });
      if (checked.ok) return [[name, checked.value]];
      logger.error("cannot serve trust bundle", { name, problems: checked.error });
      return [];
    },
  );
  book.change("ca", { put, nowMs });
}

/** Other trust domains have no lists of ours, and Envoy refuses a chain whose CA has none beside one that has. */
function withoutLists({ bundlePem }: OwnTrust): OwnTrust {
  return { bundlePem };
}

function context({ bundlePem, crlPem, onlyVerifyLeafCrl }: OwnTrust): ValidationContextMaterial {
  return {
    kind: "validation-context",
    bundlePem,
    ...(crlPem !== undefined && { crlPem }),
    ...(onlyVerifyLeafCrl === true && { onlyVerifyLeafCrl }),
    sanMatchers: [],
  };
}

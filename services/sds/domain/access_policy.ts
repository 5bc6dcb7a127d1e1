// SPDX-License-Identifier: Apache-2.0
/**
 * Who may have which secrets. Everything that no grant allows is refused.
 * @module
 */
import type { Caller } from "./caller.ts";
import type { KeyType } from "./certificate_facts.ts";
import type { NameTemplate } from "./name_template.ts";

/** Callers whose identity matches may have the secrets whose names match. */
export interface Grant {
  /** Pattern of identities; its placeholders may be used in `secrets`. */
  readonly identity: NameTemplate;
  /** Patterns of names. */
  readonly secrets: readonly NameTemplate[];
}

/** What the workload certificates of matching identities hold. */
export interface CertificateProfile {
  /** Pattern of identities. */
  readonly identity: NameTemplate;
  /** DNS names beside the SPIFFE ID; placeholders are those of `identity`. */
  readonly dnsNames: readonly NameTemplate[];
  /** Kind of key; the CA's default when absent. */
  readonly keyType?: KeyType;
  /** Life in milliseconds; the CA's default when absent. */
  readonly lifetimeMs?: number;
}

/** A policy as it was read. */
export interface PolicyRules {
  /** What is allowed. */
  readonly grants: readonly Grant[];
  /** What certificates hold; the first that matches counts. */
  readonly certificates: readonly CertificateProfile[];
  /**
   * Whether each workload of the own trust domain may have its own certificate and the trust bundle;
   * those of `onBehalfOf` have by grants alone what they ask for themselves. @default true
   */
  readonly ownCertificate: boolean;
  /** Identities whose word about the node they ask for is taken, e.g. that of ads. */
  readonly onBehalfOf: readonly NameTemplate[];
  /** Lets callers have every secret; where callers need not prove who they are, for trying out. */
  readonly allowAll: boolean;
}

/** What applies without a policy file: one's own certificate, and whom to trust. */
export const DEFAULT_RULES: PolicyRules = {
  grants: [],
  certificates: [],
  ownCertificate: true,
  onBehalfOf: [],
  allowAll: false,
};

/** Names that mean something for every workload (as SPIRE's agent serves them). */
export const OWN_CERTIFICATE = "default";
/** The trust bundle of the own trust domain. */
export const OWN_BUNDLE = "ROOTCA";
/** The bundles of all trust domains. */
export const ALL_BUNDLES = "ALL";

const SPIFFE = "spiffe://";

/** A policy. */
export class AccessPolicy {
  readonly #rules: PolicyRules;
  readonly #trustDomain: string;

  /** `trustDomain` is that of the CA. */
  constructor(rules: PolicyRules, trustDomain: string) {
    this.#rules = rules;
    this.#trustDomain = trustDomain;
  }

  /** Tells whether a caller may have the secret of this name, whether or not there is one. */
  allows({ identity }: Pick<Caller, "identity">, name: string): boolean {
    const { allowAll, ownCertificate, grants } = this.#rules;
    if (allowAll || ownCertificate && this.#isOwn(identity, name)) return true;
    return grants.some((grant) => {
      const bindings = grant.identity.match(identity);
      return bindings !== undefined &&
        grant.secrets.some((secret) =>
          isMeant(secret, { identity, name }) && secret.match(name, bindings) !== undefined
        );
    });
  }

  /** Tells whether the word of an identity about other nodes is taken. */
  mayVouch(identity: string): boolean {
    return this.#rules.onBehalfOf.some((pattern) => pattern.match(identity) !== undefined);
  }

  /** Returns what the certificate of an identity holds beside its SPIFFE ID. */
  profile(identity: string): {
    readonly dnsNames: readonly string[];
    readonly keyType?: KeyType;
    readonly lifetimeMs?: number;
  } {
    for (const { identity: pattern, dnsNames, keyType, lifetimeMs } of this.#rules.certificates) {
      const bindings = pattern.match(identity);
      if (bindings === undefined) continue;
      return {
        dnsNames: dnsNames.flatMap((name) => name.fill(bindings) ?? []),
        ...(keyType !== undefined && { keyType }),
        ...(lifetimeMs !== undefined && { lifetimeMs }),
      };
    }
    return { dnsNames: [] };
  }

  /**
   * A service that asks for others gets nothing by default: a request that lacks the name of a node
   * would give the node the key of the service.
   */
  #isOwn(identity: string, name: string): boolean {
    if (this.mayVouch(identity) || !identity.startsWith(`spiffe://${this.#trustDomain}/`)) {
      return false;
    }
    return name === identity || name === OWN_CERTIFICATE || name === OWN_BUNDLE ||
      name === ALL_BUNDLES || name === `spiffe://${this.#trustDomain}`;
  }
}

/**
 * The ID of a workload as a name is its certificate with its key: a pattern such as `*`, which is meant
 * for other secrets, gives nobody the identity of another.
 */
function isMeant(
  secret: NameTemplate,
  { identity, name }: { readonly identity: string; readonly name: string },
): boolean {
  return name === identity || !name.startsWith(SPIFFE) || secret.beginsWith(SPIFFE);
}

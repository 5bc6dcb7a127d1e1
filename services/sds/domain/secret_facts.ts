// SPDX-License-Identifier: Apache-2.0
/**
 * A secret that passed all checks, and what may be told of it.
 * @module
 */
import type { Problem } from "@denvoy/base";
import type { CertificateFacts, CrlFacts, OcspFacts } from "./certificate_facts.ts";
import type { SecretMaterial } from "./secret_material.ts";

/** Material that may be sent to an Envoy. */
export interface CheckedSecret {
  /** The secret; not for logs or answers. */
  readonly material: SecretMaterial;
  /** What may be told of it. */
  readonly facts: SecretFacts;
  /** What an operator should know although it is served, e.g. that it expires soon. */
  readonly warnings: readonly Problem[];
}

/** What may be told of a secret: no key, no value. */
export type SecretFacts =
  | {
    readonly kind: "tls-certificate";
    /** The certificate itself. */
    readonly leaf: CertificateFacts;
    /** Leaf first. */
    readonly chain: readonly CertificateFacts[];
    /** What its staple says. */
    readonly ocsp?: OcspFacts;
    /** The first moment at which a part of it is not valid any more. */
    readonly notAfterMs: number;
  }
  | {
    readonly kind: "validation-context";
    /** All trusted certificates, also those of other trust domains. */
    readonly authorities: readonly CertificateFacts[];
    /** Its revocation lists. */
    readonly crls: readonly CrlFacts[];
    /** Trust domains of its federated bundles. */
    readonly trustDomains: readonly string[];
    /** The last moment at which one of its authorities is valid. */
    readonly notAfterMs: number;
  }
  | {
    readonly kind: "session-ticket-keys";
    /** How many keys; the first encrypts. */
    readonly keyCount: number;
  }
  | {
    readonly kind: "generic";
    /** Names of its values; empty when it is a single one. */
    readonly names: readonly string[];
  };

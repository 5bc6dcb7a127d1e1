// SPDX-License-Identifier: Apache-2.0
/**
 * What one caller sees: the secrets that the policy gives it, as they are now, and nothing else.
 * @module
 */
import { StatusCode } from "@denvoy/base";
import { type Refusal, type Resource, type ResourceView, TypeUrls } from "@denvoy/xds";
import { type AccessPolicy, OWN_CERTIFICATE } from "./access_policy.ts";
import type { Caller } from "./caller.ts";
import type { IssuedCertificate, IssuedCertificates } from "./issued_certificates.ts";
import type { SecretBook } from "./secret_book.ts";
import { secretResource } from "./secret_resource.ts";

/** What is seen. */
export interface VisibleSecrets {
  /** Secrets with names of their own. */
  readonly book: SecretBook;
  /** Certificates of workloads. */
  readonly workloads: IssuedCertificates;
  /** The trust domain of the CA. */
  readonly trustDomain: string;
  /** The policy that applies now. */
  policy(): AccessPolicy;
}

interface Rendered {
  readonly certificate: IssuedCertificate;
  readonly resource: Resource;
}

const NOTHING: readonly Resource[] = [];

/** The view of one identity. */
export class CallerView implements ResourceView {
  /** Whose view it is. */
  readonly identity: string;
  readonly #secrets: VisibleSecrets;
  readonly #rendered = new Map<string, Rendered>();

  /** See {@linkcode VisibleSecrets}. */
  constructor({ identity }: Pick<Caller, "identity">, secrets: VisibleSecrets) {
    this.identity = identity;
    this.#secrets = secrets;
  }

  /** See {@linkcode ResourceView.get}. */
  get(typeUrl: string, name: string): Resource | undefined {
    if (typeUrl !== TypeUrls.secret || !this.allows(name)) return undefined;
    return this.#secrets.book.get(name)?.resource ?? this.#workload(name);
  }

  /** Nobody is told what there is: secrets are asked for by name. */
  list(): readonly Resource[] {
    return NOTHING;
  }

  /** See {@linkcode CallerView.list}. */
  withPrefix(): Iterable<Resource> {
    return NOTHING;
  }

  /** See {@linkcode ResourceView.refusal}; it does not tell whether a refused secret exists. */
  refusal(_typeUrl: string, name: string): Refusal | undefined {
    if (this.allows(name)) return undefined;
    return { code: StatusCode.PERMISSION_DENIED, message: "the policy does not allow this secret" };
  }

  /** Tells whether the policy gives the caller this name, whether or not it exists. */
  allows(name: string): boolean {
    return this.#secrets.policy().allows(this, name);
  }

  /**
   * Returns the SPIFFE ID whose certificate is served by this name; undefined for secrets that have
   * a name of their own, and for names that are not allowed.
   */
  workloadOf(name: string): string | undefined {
    const { book, trustDomain } = this.#secrets;
    if (!this.allows(name) || book.get(name) !== undefined) return undefined;
    const id = name === OWN_CERTIFICATE ? this.identity : name;
    return id.startsWith(`spiffe://${trustDomain}/`) ? id : undefined;
  }

  /** Returns the names by which the certificate of a workload is seen. */
  namesOf(workload: string): readonly string[] {
    return workload === this.identity ? [OWN_CERTIFICATE, workload] : [workload];
  }

  #workload(name: string): Resource | undefined {
    const id = this.workloadOf(name);
    const certificate = id === undefined ? undefined : this.#secrets.workloads.get(id);
    if (certificate === undefined) return undefined;
    const known = this.#rendered.get(name);
    if (known?.certificate === certificate) return known.resource;
    const { chainPem, keyPem } = certificate.issued;
    const resource = secretResource(name, { kind: "tls-certificate", chainPem, keyPem });
    this.#rendered.set(name, { certificate, resource });
    return resource;
  }
}

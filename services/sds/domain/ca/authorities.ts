// SPDX-License-Identifier: Apache-2.0
/**
 * The roots that are trusted, and which of them signs. Each change is written down before it counts.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import type { AuthorityState, TrustBundle } from "../certificate_authority.ts";
import { writePem } from "../pem.ts";
import { type Authority, authorityFacts } from "./authority.ts";
import type { CaStore } from "./ca_store.ts";
import type { RotationView } from "./rotation.ts";

/** What a change of the authorities meant. */
export interface AuthoritiesChange {
  /** Whether other roots are trusted than before. */
  readonly bundleChanged: boolean;
  /** Whether leaves are signed by another signer than before. */
  readonly signerChanged: boolean;
}

const stateOrder: Readonly<Record<AuthorityState, number>> = {
  active: 0,
  prepared: 1,
  retiring: 2,
};

/** The authorities of one trust domain. */
export class Authorities {
  readonly #store: CaStore;
  readonly #trustDomain: string;
  #list: readonly Authority[];
  #sequence: number;

  /** `list` and `sequence` are what the store holds. */
  constructor(
    { store, trustDomain }: { readonly store: CaStore; readonly trustDomain: string },
    { list, sequence }: { readonly list: readonly Authority[]; readonly sequence: number },
  ) {
    this.#store = store;
    this.#trustDomain = trustDomain;
    this.#list = list;
    this.#sequence = sequence;
  }

  /** All, the active one first. */
  get all(): readonly Authority[] {
    return this.#list;
  }

  /** The one that signs. @throws StatusError FAILED_PRECONDITION before there is one. */
  get active(): Authority {
    const active = this.find("active");
    if (active !== undefined) return active;
    throw new StatusError(StatusCode.FAILED_PRECONDITION, "cannot use CA as it has no root yet");
  }

  /** Returns the first authority in a state. */
  find(state: AuthorityState): Authority | undefined {
    return this.#list.find((authority) => authority.record.state === state);
  }

  /**
   * Replaces all authorities.
   *
   * @throws StatusError UNAVAILABLE when that could not be written down; then nothing has changed.
   */
  replace(next: readonly Authority[]): AuthoritiesChange {
    const list = [...next].sort((a, b) => stateOrder[a.record.state] - stateOrder[b.record.state]);
    const bundleChanged = rootsOf(list) !== rootsOf(this.#list);
    const sequence = this.#sequence + (bundleChanged ? 1 : 0);
    const authorities = list.map((authority) => authority.record);
    this.#store.save({ trustDomain: this.#trustDomain, sequence, authorities });
    const signerChanged = signerOf(list) !== signerOf(this.#list);
    this.#list = list;
    this.#sequence = sequence;
    return { bundleChanged, signerChanged };
  }

  /** Returns whom to trust. */
  bundle(): TrustBundle {
    return {
      trustDomain: this.#trustDomain,
      bundlePem: pemOf(this.#list),
      sequence: this.#sequence,
      authorities: this.#list.map(authorityFacts),
    };
  }

  /** Returns what the rules of rotation look at. */
  rotationViews(): readonly RotationView[] {
    return this.#list.map(({ record, root, rootKey, signers: [signer] }) => ({
      id: record.id,
      state: record.state,
      outside: rootKey === undefined,
      preparedAtMs: record.preparedAtMs,
      rootNotAfterMs: root.facts.notAfterMs,
      signerNotBeforeMs: signer.certificate.facts.notBeforeMs,
      signerNotAfterMs: signer.certificate.facts.notAfterMs,
      lastLeafNotAfterMs: this.#store.lastNotAfterMs(record.id),
    }));
  }
}

/** In the order in which they came, so that a step that changes no root changes no byte. */
function pemOf(list: readonly Authority[]): string {
  const ordered = [...list].sort((a, b) =>
    a.record.preparedAtMs - b.record.preparedAtMs || (a.record.id < b.record.id ? -1 : 1)
  );
  return ordered.map(({ root }) => writePem("CERTIFICATE", root.der)).join("");
}

function rootsOf(list: readonly Authority[]): string {
  return list.map(({ root }) => root.facts.fingerprint).sort().join();
}

function signerOf(list: readonly Authority[]): string | undefined {
  const active = list.find((authority) => authority.record.state === "active");
  return active?.signers[0].certificate.facts.fingerprint;
}

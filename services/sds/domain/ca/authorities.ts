// SPDX-License-Identifier: Apache-2.0
/**
 * The roots that are trusted, and which of them signs. Each change is written down before it counts.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import type { AuthorityState, TrustBundle } from "../certificate_authority.ts";
import { writePem } from "../pem.ts";
import { type Authority, authorityFacts } from "./authority.ts";
import type { CaState, CaStore } from "./ca_store.ts";
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
  #list: readonly Authority[] = [];
  #sequence = 0;
  #revision = 0;

  /** There are none yet: call {@linkcode adopt} with what the store holds. */
  constructor({ store, trustDomain }: Pick<CaState, "trustDomain"> & { readonly store: CaStore }) {
    this.#store = store;
    this.#trustDomain = trustDomain;
  }

  /** Number of the state that these are. */
  get revision(): number {
    return this.#revision;
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
   * Replaces all authorities. Rejects with StatusError UNAVAILABLE when that could not be written down,
   * ABORTED when another replica was faster; then nothing has changed.
   */
  async replace(next: readonly Authority[]): Promise<AuthoritiesChange> {
    const sequence = this.#sequence + (rootsOf(next) === rootsOf(this.#list) ? 0 : 1);
    const authorities = inOrder(next).map((authority) => authority.record);
    const revision = this.#revision + 1;
    await this.#store.save({ revision, trustDomain: this.#trustDomain, sequence, authorities });
    return this.adopt({ revision, sequence }, next);
  }

  /** Takes over a state that is written down, `list` being its authorities. */
  adopt(
    { revision, sequence }: Pick<CaState, "revision" | "sequence">,
    list: readonly Authority[],
  ): AuthoritiesChange {
    const before = this.#list;
    this.#list = inOrder(list);
    this.#revision = revision;
    this.#sequence = sequence;
    return {
      bundleChanged: rootsOf(this.#list) !== rootsOf(before),
      signerChanged: signerOf(this.#list) !== signerOf(before),
    };
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

  /**
   * Returns what the rules of rotation look at. `unwrittenMs` is how long after an authority has stopped
   * signing a leaf may end that was issued under it and is not written down yet.
   */
  async rotationViews(unwrittenMs: number): Promise<readonly RotationView[]> {
    const since = this.find("active")?.record.activatedAtMs ?? 0;
    const unwritten = unwrittenMs === 0 ? 0 : since + unwrittenMs;
    const views: RotationView[] = [];
    for (const { record, root, rootKey, signers: [signer] } of this.#list) {
      views.push({
        id: record.id,
        state: record.state,
        outside: rootKey === undefined,
        preparedAtMs: record.preparedAtMs,
        rootNotAfterMs: root.facts.notAfterMs,
        signerNotBeforeMs: signer.certificate.facts.notBeforeMs,
        signerNotAfterMs: signer.certificate.facts.notAfterMs,
        lastLeafNotAfterMs: Math.max(await this.#store.lastNotAfterMs(record.id), unwritten),
      });
    }
    return views;
  }
}

function inOrder(list: readonly Authority[]): readonly Authority[] {
  return [...list].sort((a, b) => stateOrder[a.record.state] - stateOrder[b.record.state]);
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

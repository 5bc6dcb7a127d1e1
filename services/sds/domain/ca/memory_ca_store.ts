// SPDX-License-Identifier: Apache-2.0
/**
 * A store that forgets with the process: for trying things out and for tests.
 * @module
 */
import type { Revocation } from "../certificate_authority.ts";
import {
  type CaState,
  type CaStore,
  isSameSealed,
  type IssuedQuery,
  overtaken,
  type SealedChange,
  type StoredCertificate,
} from "./ca_store.ts";

/** Keeps everything in memory. */
export class MemoryCaStore implements CaStore {
  #state: CaState | undefined;
  readonly #issued = new Map<string, StoredCertificate>();
  readonly #sealed = new Map<string, Uint8Array>();

  /** There is nothing that is not known here. */
  catchUp(): void {}

  /** See {@linkcode CaStore.load}. */
  load(): CaState | undefined {
    return this.#state;
  }

  /** See {@linkcode CaStore.save}. */
  save(state: CaState): void {
    if (state.revision !== (this.#state?.revision ?? 0) + 1) throw overtaken();
    this.#state = state;
  }

  /** See {@linkcode CaStore.addIssued}. */
  addIssued(record: StoredCertificate): void {
    this.#issued.set(record.serial, record);
  }

  /** See {@linkcode CaStore.findIssued}. */
  findIssued(serial: string): StoredCertificate | undefined {
    return this.#issued.get(serial);
  }

  /** See {@linkcode CaStore.listIssued}. */
  listIssued({ nowMs, name, limit }: IssuedQuery): readonly StoredCertificate[] {
    const listed = [...this.#issued.values()].filter((record) =>
      record.notAfterMs > nowMs && (name === undefined || record.names.includes(name))
    );
    return listed.reverse().slice(0, limit);
  }

  /** See {@linkcode CaStore.lastNotAfterMs}. */
  lastNotAfterMs(authorityId: string): number {
    let last = 0;
    for (const record of this.#issued.values()) {
      if (record.authorityId === authorityId) last = Math.max(last, record.notAfterMs);
    }
    return last;
  }

  /** See {@linkcode CaStore.revoke}. */
  revoke(revocation: Revocation): void {
    const record = this.#issued.get(revocation.serial);
    if (record === undefined || record.revocation !== undefined) return;
    this.#issued.set(record.serial, { ...record, revocation });
  }

  /** See {@linkcode CaStore.isRevoked}. */
  isRevoked(serial: string): boolean {
    return this.#issued.get(serial)?.revocation !== undefined;
  }

  /** See {@linkcode CaStore.listRevoked}. */
  listRevoked(nowMs: number): readonly StoredCertificate[] {
    return [...this.#issued.values()]
      .filter((record) => record.revocation !== undefined && record.notAfterMs > nowMs)
      .sort((a, b) => (a.revocation?.revokedAtMs ?? 0) - (b.revocation?.revokedAtMs ?? 0));
  }

  /** See {@linkcode CaStore.forgetEndedBefore}. */
  forgetEndedBefore(atMs: number): number {
    const ended = [...this.#issued.values()].filter((record) => record.notAfterMs < atMs);
    for (const record of ended) this.#issued.delete(record.serial);
    return ended.length;
  }

  /** See {@linkcode CaStore.readSealed}. */
  readSealed(name: string): Uint8Array | undefined {
    return this.#sealed.get(name);
  }

  /** See {@linkcode CaStore.writeSealed}. */
  writeSealed(name: string, sealed: Uint8Array): void {
    this.#sealed.set(name, sealed);
  }

  /** See {@linkcode CaStore.replaceSealed}. */
  replaceSealed(name: string, { from, to }: SealedChange): boolean {
    if (!isSameSealed(this.#sealed.get(name), from)) return false;
    this.#sealed.set(name, to);
    return true;
  }

  /** Nobody else writes here. */
  subscribe(): () => void {
    return () => {};
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * How long a connection may stand by the client certificate that it was opened with: a handshake looks
 * at the certificate once, and a connection may outlive it by months.
 * @module
 */
import type { CertificateId, ShownCertificate } from "./certificate_id.ts";

/** Certificates that their CA has taken back. */
export interface RevokedCertificates {
  /** Tells whether a certificate is one of them. */
  has(certificate: CertificateId): boolean;
}

/** Why a client certificate counts no longer. */
export type CertificateEnd = "expired" | "revoked";

/**
 * A connection ends at some moment of this time after its certificate has: a fleet whose certificates
 * end together does not come back together.
 */
export const CERTIFICATE_GRACE_MS = 30_000;

const NEVER = Number.POSITIVE_INFINITY;

interface Held {
  readonly certificate: CertificateId;
  readonly endMs: number;
}

/** The open connections that showed a certificate. `C` is what the server keeps of one. */
export class ClientCertificates<C> {
  readonly #held = new Map<C, Held>();
  readonly #random: () => number;
  #revoked: RevokedCertificates | undefined;
  /** Nothing ends before this. */
  #nextMs = NEVER;

  /** `random` returns numbers from 0 up to, not including, 1. */
  constructor({ revoked, random }: {
    readonly revoked: RevokedCertificates | undefined;
    readonly random: () => number;
  }) {
    this.#revoked = revoked;
    this.#random = random;
  }

  /** Tells whether a certificate must not be taken. */
  isRevoked(certificate: CertificateId | undefined): boolean {
    return certificate !== undefined && this.#revoked?.has(certificate) === true;
  }

  /** Follows a connection from now on, if it showed a certificate. */
  hold(connection: C, certificate: ShownCertificate | undefined): void {
    if (certificate === undefined) return;
    const endMs = certificate.notAfterMs + this.#random() * CERTIFICATE_GRACE_MS;
    this.#held.set(connection, { certificate, endMs });
    this.#nextMs = Math.min(this.#nextMs, endMs);
  }

  /** The connection is over. */
  release(connection: C): void {
    this.#held.delete(connection);
  }

  /** Replaces what is revoked; returns connections that must end as their certificate is. */
  replaceRevoked(revoked: RevokedCertificates | undefined): readonly C[] {
    this.#revoked = revoked;
    return this.#take(({ certificate }) => this.isRevoked(certificate));
  }

  /** Returns connections that must end as their certificate has, with its grace. */
  takeExpired(nowMs: number): readonly C[] {
    if (nowMs < this.#nextMs) return [];
    const expired = this.#take(({ endMs }) => endMs <= nowMs);
    this.#nextMs = NEVER;
    for (const { endMs } of this.#held.values()) this.#nextMs = Math.min(this.#nextMs, endMs);
    return expired;
  }

  /** What is taken is followed no more: each connection is told once. */
  #take(isOver: (held: Held) => boolean): readonly C[] {
    const over: C[] = [];
    for (const [connection, held] of this.#held) {
      if (!isOver(held)) continue;
      this.#held.delete(connection);
      over.push(connection);
    }
    return over;
  }
}

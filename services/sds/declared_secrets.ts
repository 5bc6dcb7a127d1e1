// SPDX-License-Identifier: Apache-2.0
/**
 * Secrets that are declared by name and made here: certificates of the own CA, and session ticket
 * keys that are replaced with overlap.
 * @module
 */
import type { Clock, Logger } from "@denvoy/base";
import { checkSecret } from "./domain/secret_check.ts";
import type { IssuedCertificates } from "./domain/issued_certificates.ts";
import type { SecretBook } from "./domain/secret_book.ts";
import type { SecretMaterial } from "./domain/secret_material.ts";
import type { SecretOrigin, SecretSpec } from "./domain/secret_spec.ts";
import type { X509Reader } from "./domain/x509_reader.ts";
import type { TicketKeyRings } from "./ticket_key_rings.ts";

/** What declared secrets are made with. */
export interface DeclaredSecretsParts {
  /** Where secrets go. */
  readonly book: SecretBook;
  /** Issues and renews. */
  readonly certificates: IssuedCertificates;
  /** Makes and replaces session ticket keys. */
  readonly tickets: TicketKeyRings;
  /** Reads certificates. */
  readonly x509: X509Reader;
  /** Where failures are logged. */
  readonly logger: Logger;
  /** Where time comes from. */
  readonly clock: Clock;
}

interface Made {
  readonly origin: string;
  readonly release: () => void;
}

/** All that is declared and made here. */
export class DeclaredSecrets implements Disposable {
  readonly #parts: DeclaredSecretsParts;
  readonly #made = new Map<string, Made>();

  /** Nothing is declared yet. */
  constructor(parts: DeclaredSecretsParts) {
    this.#parts = parts;
    parts.certificates.subscribe((name) => this.#renewed(name));
  }

  /**
   * Makes what is new among these and lets go of what is not declared any more. Resolves when each
   * was made or could not be, so that nobody is told that it does not exist.
   */
  async follow(specs: readonly SecretSpec[]): Promise<void> {
    const names = new Set(specs.map(({ name }) => name));
    for (const name of this.#made.keys()) if (!names.has(name)) this.#drop(name);
    const making: Promise<void>[] = [];
    for (const { name, from } of specs) {
      const origin = JSON.stringify(from);
      if (this.#made.get(name)?.origin === origin) continue;
      this.#drop(name);
      this.#made.set(name, { origin, release() {} });
      const { ready, release } = this.#make(name, from);
      this.#made.set(name, { origin, release });
      making.push(ready);
    }
    await Promise.all(making);
  }

  /** Makes nothing any more. */
  [Symbol.dispose](): void {
    for (const { release } of this.#made.values()) release();
    this.#made.clear();
  }

  #make(name: string, from: SecretOrigin) {
    const { certificates, tickets, logger } = this.#parts;
    if (from.kind === "generated-tickets") {
      return tickets.follow(
        name,
        from,
        (keys) => this.#put(name, { kind: "session-ticket-keys", keys }),
      );
    }
    if (from.kind !== "issued") return { ready: Promise.resolve(), release() {} };
    // What is issued is told before this resolves, and served only while it is declared.
    const ready = certificates.ensure(name, from.request).then(
      () => void certificates.hold(name),
      (error) => logger.error("cannot issue declared certificate", { name, error }),
    );
    return { ready, release: () => certificates.forget(name) };
  }

  #drop(name: string): void {
    const made = this.#made.get(name);
    if (made === undefined) return;
    this.#made.delete(name);
    made.release();
    this.#parts.book.change("ca", { remove: [name], nowMs: this.#parts.clock.nowMs() });
  }

  #renewed(name: string): void {
    const certificate = this.#parts.certificates.get(name);
    if (certificate === undefined || !this.#made.has(name)) return;
    const { chainPem, keyPem } = certificate.issued;
    this.#put(name, { kind: "tls-certificate", chainPem, keyPem });
  }

  #put(name: string, material: SecretMaterial): void {
    const { book, x509, clock, logger } = this.#parts;
    const nowMs = clock.nowMs();
    const checked = checkSecret(material, { x509, nowMs });
    if (checked.ok) book.change("ca", { put: [[name, checked.value]], nowMs });
    else logger.error("cannot serve what was made", { name, problems: checked.error });
  }
}

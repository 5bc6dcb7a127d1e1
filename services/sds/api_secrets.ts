// SPDX-License-Identifier: Apache-2.0
/**
 * Secrets that came over the HTTP API: checked like all others, kept sealed.
 * @module
 */
import {
  type Clock,
  type Logger,
  type Problem,
  ProblemError,
  StatusCode,
  StatusError,
} from "@denvoy/base";
import type { AccessStore } from "./domain/access_store.ts";
import { isSameSealed } from "./domain/ca/ca_store.ts";
import type { Sealer } from "./domain/ca/signing_key.ts";
import { checkSecret } from "./domain/secret_check.ts";
import type { SecretBook, ServedSecret } from "./domain/secret_book.ts";
import type { SecretMaterial } from "./domain/secret_material.ts";
import type { X509Reader } from "./domain/x509_reader.ts";

/** What they are kept with. */
export interface ApiSecretsParts {
  /** Where secrets go. */
  readonly book: SecretBook;
  /** Remembers them sealed. */
  readonly store: AccessStore;
  /** Seals. */
  readonly sealer: Sealer;
  /** Reads certificates. */
  readonly x509: X509Reader;
  /** Where failures are logged. */
  readonly logger: Logger;
  /** Where time comes from. */
  readonly clock: Clock;
}

/** All secrets that came over the HTTP API, to this replica or another. */
export class ApiSecrets {
  readonly #parts: ApiSecretsParts;

  private constructor(parts: ApiSecretsParts) {
    this.#parts = parts;
  }

  /**
   * Opens what is kept. One that has ended since is left out, with an error in the log. Rejects with
   * StatusError FAILED_PRECONDITION when they were sealed with another key.
   */
  static async open(parts: ApiSecretsParts): Promise<ApiSecrets> {
    const secrets = new ApiSecrets(parts);
    parts.store.subscribe((change) => {
      if (change.kind === "secret") void secrets.#follow(change.name);
    });
    for (const name of parts.store.sealedSecrets().keys()) await secrets.#read(name);
    return secrets;
  }

  /**
   * Adds or replaces a secret.
   * @throws ProblemError with all that is wrong with it; StatusError FAILED_PRECONDITION when a file
   * has this name
   */
  async put(name: string, material: SecretMaterial): Promise<ServedSecret> {
    const { book, store, sealer, x509, clock } = this.#parts;
    const known = book.get(name);
    if (known !== undefined && known.source !== "api") {
      const message = `cannot put "${name}" as it comes from elsewhere: ${known.source}`;
      throw new StatusError(StatusCode.FAILED_PRECONDITION, message);
    }
    const checked = checkSecret(material, { x509, nowMs: clock.nowMs() });
    if (!checked.ok) throw new ProblemError(checked.error.map(withoutFile));
    const sealed = await sealer.seal(writeMaterialBytes(material), contextOf(name));
    await store.putSealedSecret(name, sealed);
    return this.#serve(name, material);
  }

  /** Takes a secret out. Rejects with StatusError NOT_FOUND, or UNAVAILABLE when it could not be. */
  async remove(name: string): Promise<void> {
    const { book, store } = this.#parts;
    if (!book.namesOf("api").includes(name)) {
      throw new StatusError(StatusCode.NOT_FOUND, `no secret was put here by the name "${name}"`);
    }
    await store.removeSealedSecret(name);
    this.#drop(name);
  }

  /** Takes over what another replica was given; what cannot be used leaves the last good. */
  async #follow(name: string): Promise<void> {
    try {
      await this.#read(name);
    } catch (error) {
      this.#parts.logger.error("cannot open secret of another replica", { name, error });
    }
  }

  /** Serves what is kept, or nothing where nothing is. Rejects when it was sealed with another key. */
  async #read(name: string): Promise<void> {
    const { store, sealer, logger } = this.#parts;
    const sealed = store.sealedSecrets().get(name);
    if (sealed === undefined) return this.#drop(name);
    const opened = await sealer.open(sealed, contextOf(name));
    // Of two that were opened at once the newer one is served.
    if (!isSameSealed(store.sealedSecrets().get(name), sealed)) return;
    try {
      this.#serve(name, readMaterialBytes(opened));
    } catch (error) {
      logger.error("cannot serve kept secret", { name, error });
    }
  }

  #drop(name: string): void {
    const { book, clock } = this.#parts;
    book.change("api", { remove: [name], nowMs: clock.nowMs() });
  }

  #serve(name: string, material: SecretMaterial): ServedSecret {
    const { book, x509, clock } = this.#parts;
    const nowMs = clock.nowMs();
    const checked = checkSecret(material, { x509, nowMs });
    if (!checked.ok) throw new ProblemError(checked.error);
    book.change("api", { put: [[name, checked.value]], nowMs });
    const served = book.get(name);
    if (served !== undefined) return served;
    throw new TypeError(`Cannot find secret that was just put: "${name}"`);
  }
}

function contextOf(name: string): string {
  return `secret/${name}`;
}

function withoutFile({ file: _file, ...problem }: Problem): Problem {
  return problem;
}

/** Marks bytes, in an object of this one key. */
const BYTES = "$bytes";
/** How bytes were marked in rows without an envelope: a text may begin like this too. */
const OLD_BYTES = "base64:";

/** What is kept, sealed. */
interface Envelope {
  readonly material: SecretMaterial;
}

function writeMaterialBytes(material: SecretMaterial): Uint8Array {
  const envelope: Envelope = { material };
  const text = JSON.stringify(envelope, (_key, value: unknown) => {
    if (value instanceof Uint8Array) return { [BYTES]: value.toBase64() };
    return value instanceof Map ? { map: [...value] } : value;
  });
  return new TextEncoder().encode(text);
}

function readMaterialBytes(bytes: Uint8Array): SecretMaterial {
  try {
    return parseMaterial(bytes);
  } catch {
    // The cause is dropped: it could quote a key.
    const message = "cannot read a kept secret as it must be what this version or one before wrote";
    throw new StatusError(StatusCode.DATA_LOSS, message);
  }
}

function parseMaterial(bytes: Uint8Array): SecretMaterial {
  const text = new TextDecoder().decode(bytes);
  const plain: Partial<Envelope & SecretMaterial> = JSON.parse(text);
  if (plain.material !== undefined) return (JSON.parse(text, reviveObject) as Envelope).material;
  // Validation contexts have no bytes: whatever looks like it is the name of a peer.
  if (plain.kind === "validation-context") return JSON.parse(text);
  return JSON.parse(
    text,
    (key, value: unknown) =>
      typeof value === "string" ? bytesOfOld(value) : reviveObject(key, value),
  );
}

function reviveObject(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (BYTES in value) return Uint8Array.fromBase64(String(value[BYTES]));
  if (!Object.hasOwn(value, "map")) return value;
  return new Map((value as { readonly map: readonly [string, Uint8Array][] }).map);
}

/** What is no Base64 was never bytes. */
function bytesOfOld(text: string): string | Uint8Array {
  if (!text.startsWith(OLD_BYTES)) return text;
  try {
    return Uint8Array.fromBase64(text.slice(OLD_BYTES.length));
  } catch {
    return text;
  }
}

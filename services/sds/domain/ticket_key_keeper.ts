// SPDX-License-Identifier: Apache-2.0
/**
 * The session ticket keys of one secret, which outlive a restart: sealed, beside the CA's.
 * @module
 */
import type { CaStore } from "./ca/ca_store.ts";
import type { Sealer } from "./ca/signing_key.ts";
import type { SessionTicketMaterial } from "./secret_material.ts";
import {
  defaultTicketKeyPolicy,
  dueTicketKeys,
  newTicketKeys,
  readTicketKeys,
  rotateTicketKeys,
  type TicketKeyPolicy,
  type TicketKeyRing,
  ticketKeysOf,
  writeTicketKeys,
} from "./ticket_keys.ts";

/** What the keys are kept with. */
export interface TicketKeyKeeperOptions {
  /** Name of the secret. */
  readonly name: string;
  /** Where they are kept. */
  readonly store: Pick<CaStore, "readSealed" | "writeSealed">;
  /** What seals them. */
  readonly sealer: Sealer;
  /** Random bytes of cryptographic quality. */
  readonly randomBytes: (count: number) => Uint8Array;
  /** How they change. @default {@linkcode defaultTicketKeyPolicy} */
  readonly policy?: TicketKeyPolicy;
}

/** Keeps the keys of one secret. One keeper a name; its methods are not called at the same time. */
export class TicketKeyKeeper {
  readonly #options: TicketKeyKeeperOptions;
  #ring: TicketKeyRing;

  private constructor(options: TicketKeyKeeperOptions, ring: TicketKeyRing) {
    this.#options = options;
    this.#ring = ring;
  }

  /** Opens the keys that were kept, or makes them. Rejects when they were sealed with another key. */
  static async open(options: TicketKeyKeeperOptions, nowMs: number): Promise<TicketKeyKeeper> {
    const { store, sealer, randomBytes } = options;
    const sealed = store.readSealed(entryOf(options));
    const kept = sealed && readTicketKeys(await sealer.open(sealed, entryOf(options)));
    const keeper = new TicketKeyKeeper(options, kept ?? newTicketKeys({ nowMs, randomBytes }));
    if (kept === undefined) await keeper.#keep(keeper.#ring);
    await keeper.update(nowMs);
    return keeper;
  }

  /** The keys as a secret, as they are now. */
  get material(): SessionTicketMaterial {
    return { kind: "session-ticket-keys", keys: ticketKeysOf(this.#ring) };
  }

  /** When the next change is due, in milliseconds since the epoch. */
  get dueAtMs(): number {
    return this.#ring.sinceMs + this.#policy.rotationMs;
  }

  /** Does what is due; resolves with whether the keys changed. */
  async update(nowMs: number): Promise<boolean> {
    const { randomBytes } = this.#options;
    const due = dueTicketKeys(this.#ring, { policy: this.#policy, nowMs, randomBytes });
    if (due === this.#ring) return false;
    const changed = due.current !== this.#ring.current;
    await this.#keep(due);
    return changed;
  }

  /** Changes the keys although that is not due. */
  async rotate(nowMs: number): Promise<void> {
    const { randomBytes } = this.#options;
    await this.#keep(
      rotateTicketKeys(this.#ring, { policy: this.#policy, nowMs, randomBytes }),
    );
  }

  get #policy(): TicketKeyPolicy {
    return this.#options.policy ?? defaultTicketKeyPolicy;
  }

  /** Kept first: a key that is lost in a restart makes tickets that nobody can read. */
  async #keep(ring: TicketKeyRing): Promise<void> {
    const { store, sealer } = this.#options;
    const entry = entryOf(this.#options);
    store.writeSealed(entry, await sealer.seal(writeTicketKeys(ring), entry));
    this.#ring = ring;
  }
}

function entryOf({ name }: TicketKeyKeeperOptions): string {
  return `ticket keys ${name}`;
}

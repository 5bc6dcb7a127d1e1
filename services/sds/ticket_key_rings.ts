// SPDX-License-Identifier: Apache-2.0
/**
 * Session ticket keys that are made here: kept sealed, so that sessions outlive a restart, and changed
 * when it is due.
 * @module
 */
import type { Clock, Logger, Timer } from "@denvoy/base";
import type { CaStore } from "./domain/ca/ca_store.ts";
import type { CaPrimitives, Sealer } from "./domain/ca/signing_key.ts";
import {
  dueTicketKeys,
  newTicketKeys,
  readTicketKeys,
  rotateTicketKeys,
  type TicketKeyPolicy,
  type TicketKeyRing,
  ticketKeysOf,
  writeTicketKeys,
} from "./domain/ticket_keys.ts";

/** What keys are made and kept with. */
export interface TicketKeyRingsParts {
  /** Remembers sealed values. */
  readonly store: Pick<CaStore, "readSealed" | "writeSealed">;
  /** Seals. */
  readonly sealer: Sealer;
  /** Draws randomness. */
  readonly primitives: Pick<CaPrimitives, "randomBytes">;
  /** Where time comes from. */
  readonly clock: Clock;
  /** Where failures are logged. */
  readonly logger: Logger;
}

type KeyListener = (keys: readonly Uint8Array[]) => void;

interface Followed {
  readonly policy: TicketKeyPolicy;
  readonly listener: KeyListener;
  ring: TicketKeyRing | undefined;
  timer: Timer | undefined;
  isOver: boolean;
}

const RETRY_MS = 10_000;
/** Clocks jump: what is due is looked at again at least this often. */
const LOOK_MS = 60_000;

/** All rings that are followed. */
export class TicketKeyRings {
  readonly #parts: TicketKeyRingsParts;
  readonly #rings = new Map<string, Followed>();

  /** See {@linkcode TicketKeyRingsParts}. */
  constructor(parts: TicketKeyRingsParts) {
    this.#parts = parts;
  }

  /**
   * Tells of the keys of a name, now and after each change, until it is released. `ready` resolves
   * when they were told for the first time, or could not be.
   */
  follow(
    name: string,
    { rotateMs, keep }: { readonly rotateMs: number; readonly keep: number },
    listener: KeyListener,
  ): { readonly ready: Promise<void>; readonly release: () => void } {
    const policy = { rotationMs: rotateMs, keepPrevious: Math.max(0, keep - 2) };
    const followed: Followed = {
      policy,
      listener,
      ring: undefined,
      timer: undefined,
      isOver: false,
    };
    this.#rings.set(name, followed);
    const ready = this.#look(name, followed);
    const release = () => {
      followed.isOver = true;
      followed.timer?.cancel();
      if (this.#rings.get(name) === followed) this.#rings.delete(name);
    };
    return { ready, release };
  }

  /** Changes the keys of a name now; tells whether there is such a ring. */
  async rotate(name: string): Promise<boolean> {
    const followed = this.#rings.get(name);
    if (followed?.ring === undefined) return false;
    const { policy } = followed;
    await this.#save(
      name,
      followed,
      rotateTicketKeys(followed.ring, { ...this.#moment(), policy }),
    );
    return true;
  }

  async #look(name: string, followed: Followed): Promise<void> {
    let nextMs = RETRY_MS;
    try {
      const moment = this.#moment();
      const ring = followed.ring ?? await this.#open(name) ?? newTicketKeys(moment);
      const due = dueTicketKeys(ring, { ...moment, policy: followed.policy });
      if (due !== followed.ring) await this.#save(name, followed, due);
      nextMs = Math.max(1, due.sinceMs + followed.policy.rotationMs - this.#parts.clock.nowMs());
    } catch (error) {
      this.#parts.logger.error("cannot change session ticket keys", { name, error });
    }
    if (followed.isOver) return;
    const waitMs = Math.min(nextMs, LOOK_MS);
    followed.timer = this.#parts.clock.after(waitMs, () => void this.#look(name, followed));
  }

  async #open(name: string): Promise<TicketKeyRing | undefined> {
    const context = contextOf(name);
    const sealed = this.#parts.store.readSealed(context);
    if (sealed === undefined) return undefined;
    return readTicketKeys(await this.#parts.sealer.open(sealed, context));
  }

  async #save(name: string, followed: Followed, ring: TicketKeyRing): Promise<void> {
    const context = contextOf(name);
    const sealed = await this.#parts.sealer.seal(writeTicketKeys(ring), context);
    if (followed.isOver) return;
    this.#parts.store.writeSealed(context, sealed);
    followed.ring = ring;
    followed.listener(ticketKeysOf(ring));
  }

  #moment() {
    const { clock, primitives: { randomBytes } } = this.#parts;
    return { nowMs: clock.nowMs(), randomBytes };
  }
}

function contextOf(name: string): string {
  return `tickets/${name}`;
}

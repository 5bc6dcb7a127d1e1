// SPDX-License-Identifier: Apache-2.0
/**
 * Session ticket keys that are made here: kept sealed, so that sessions outlive a restart, and changed
 * when it is due, once for all replicas.
 * @module
 */
import type { Clock, Logger, Timer } from "@denvoy/base";
import { type CaStore, isSameSealed, overtaken } from "./domain/ca/ca_store.ts";
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
  readonly store: Pick<CaStore, "readSealed" | "replaceSealed" | "subscribe">;
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
  /** As the ring is kept. */
  sealed: Uint8Array | undefined;
  timer: Timer | undefined;
  isOver: boolean;
}

/** Others that were faster so often are a mistake. */
const MAX_TRIES = 8;
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
    parts.store.subscribe((change) => {
      if (change.kind === "sealed") void this.#follow(change.name);
    });
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
      sealed: undefined,
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

  /**
   * Changes the keys of a name now; tells whether there is such a ring. Rejects with StatusError
   * UNAVAILABLE when that cannot be written down.
   */
  async rotate(name: string): Promise<boolean> {
    const followed = this.#rings.get(name);
    if (followed?.ring === undefined) return false;
    const { policy } = followed;
    await this.#change(name, followed, (ring) => {
      const moment = this.#moment();
      return ring === undefined
        ? newTicketKeys(moment)
        : rotateTicketKeys(ring, { ...moment, policy });
    });
    return true;
  }

  async #look(name: string, followed: Followed): Promise<void> {
    let nextMs = RETRY_MS;
    try {
      const { policy } = followed;
      if (followed.ring === undefined) await this.#read(name, followed);
      const due = await this.#change(name, followed, (ring) => {
        const moment = this.#moment();
        return dueTicketKeys(ring ?? newTicketKeys(moment), { ...moment, policy });
      });
      nextMs = Math.max(1, due.sinceMs + policy.rotationMs - this.#parts.clock.nowMs());
    } catch (error) {
      this.#parts.logger.error("cannot change session ticket keys", { name, error });
    }
    if (followed.isOver) return;
    const waitMs = Math.min(nextMs, LOOK_MS);
    followed.timer = this.#parts.clock.after(waitMs, () => void this.#look(name, followed));
  }

  /** Another replica has changed the keys. */
  async #follow(sealedName: string): Promise<void> {
    for (const [name, followed] of this.#rings) {
      if (contextOf(name) !== sealedName) continue;
      try {
        await this.#read(name, followed);
      } catch (error) {
        this.#parts.logger.error("cannot open session ticket keys", { name, error });
      }
    }
  }

  /** Takes over what is kept, if anything is. */
  async #read(name: string, followed: Followed): Promise<void> {
    const context = contextOf(name);
    const sealed = this.#parts.store.readSealed(context);
    if (isSameSealed(sealed, followed.sealed)) return;
    const ring = sealed && readTicketKeys(await this.#parts.sealer.open(sealed, context));
    const isNewest = isSameSealed(sealed, this.#parts.store.readSealed(context));
    if (isNewest) this.#take(followed, { sealed, ring });
  }

  /** Changes what is kept; where another replica was faster, what that has made. */
  async #change(
    name: string,
    followed: Followed,
    next: (ring: TicketKeyRing | undefined) => TicketKeyRing,
  ): Promise<TicketKeyRing> {
    const context = contextOf(name);
    const { sealer, store } = this.#parts;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const { ring, sealed: from } = followed;
      const changed = next(ring);
      if (changed === ring) return changed;
      const to = await sealer.seal(writeTicketKeys(changed), context);
      if (followed.isOver) return changed;
      if (await store.replaceSealed(context, { from, to })) {
        this.#take(followed, { sealed: to, ring: changed });
        return changed;
      }
      await this.#read(name, followed);
    }
    throw overtaken();
  }

  #take(followed: Followed, { sealed, ring }: Pick<Followed, "sealed" | "ring">): void {
    followed.sealed = sealed;
    followed.ring = ring;
    if (ring !== undefined && !followed.isOver) followed.listener(ticketKeysOf(ring));
  }

  #moment() {
    const { clock, primitives: { randomBytes } } = this.#parts;
    return { nowMs: clock.nowMs(), randomBytes };
  }
}

function contextOf(name: string): string {
  return `tickets/${name}`;
}

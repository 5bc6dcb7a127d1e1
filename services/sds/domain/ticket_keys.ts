// SPDX-License-Identifier: Apache-2.0
/**
 * Keys for TLS session tickets, and when they change. Envoy encrypts with the first and decrypts with
 * all, so the next one is given out a turn before it is used: an Envoy that has heard of the change
 * late can still read the tickets of one that heard early.
 * @module
 */

/** Each key has this length (`TlsSessionTicketKeys.keys`): Envoy refuses any other. */
export const ticketKeyBytes = 80;

const MAX_KEYS = 16;

/** The keys of one secret, as they are kept. */
export interface TicketKeyRing {
  /** Encrypts and decrypts. */
  readonly current: Uint8Array;
  /** Decrypts, and will be the next `current`. */
  readonly next: Uint8Array;
  /** Decrypt what was encrypted before, newest first. */
  readonly previous: readonly Uint8Array[];
  /** When `current` became that. */
  readonly sinceMs: number;
}

/** How keys change. */
export interface TicketKeyPolicy {
  /** How long a key encrypts; Envoy's documentation asks for an hour, at most a day. */
  readonly rotationMs: number;
  /** How many keys of before still decrypt. */
  readonly keepPrevious: number;
}

/** An hour, and tickets of up to two hours before are resumed. */
export const defaultTicketKeyPolicy: TicketKeyPolicy = { rotationMs: 3_600_000, keepPrevious: 2 };

/** What a change needs. */
export interface TicketKeyMoment {
  /** The present. */
  readonly nowMs: number;
  /** Random bytes of cryptographic quality. */
  readonly randomBytes: (count: number) => Uint8Array;
}

/** Returns the first keys. */
export function newTicketKeys({ nowMs, randomBytes }: TicketKeyMoment): TicketKeyRing {
  const current = randomBytes(ticketKeyBytes);
  return { current, next: randomBytes(ticketKeyBytes), previous: [], sinceMs: nowMs };
}

/**
 * Returns the keys as they should be now: the same ring when no change is due. After a pause that
 * outlasts all keys none of them is worth keeping; a clock that was set back starts a new turn.
 */
export function dueTicketKeys(
  ring: TicketKeyRing,
  { policy, ...moment }: TicketKeyMoment & { readonly policy: TicketKeyPolicy },
): TicketKeyRing {
  const ageMs = moment.nowMs - ring.sinceMs;
  if (ageMs < 0) return { ...ring, sinceMs: moment.nowMs };
  if (ageMs >= policy.rotationMs * (policy.keepPrevious + 2)) return newTicketKeys(moment);
  let current = ring;
  while (moment.nowMs - current.sinceMs >= policy.rotationMs) {
    const sinceMs = current.sinceMs + policy.rotationMs;
    current = turn(current, { ...moment, nowMs: sinceMs, policy });
  }
  return current;
}

/** Returns the keys after a change that does not wait until it is due. */
export function rotateTicketKeys(
  ring: TicketKeyRing,
  options: TicketKeyMoment & { readonly policy: TicketKeyPolicy },
): TicketKeyRing {
  return turn(ring, options);
}

/** Returns the keys in the order in which Envoy wants them. */
export function ticketKeysOf({ current, next, previous }: TicketKeyRing): readonly Uint8Array[] {
  return [current, next, ...previous];
}

/** Returns which rule keys break; undefined when they break none. No key is quoted. */
export function ticketKeysProblem(keys: readonly Uint8Array[]): string | undefined {
  if (keys.length === 0 || keys.length > MAX_KEYS) {
    return `there must be 1 to ${MAX_KEYS}: there are ${keys.length}`;
  }
  const wrong = keys.find((key) => key.length !== ticketKeyBytes);
  if (wrong !== undefined) return `each must have ${ticketKeyBytes} bytes: one has ${wrong.length}`;
  const different = new Set(keys.map((key) => key.toHex()));
  return different.size === keys.length ? undefined : "each must differ: two are the same";
}

/** Returns the bytes in which a ring is kept; they are to be sealed. */
export function writeTicketKeys(ring: TicketKeyRing): Uint8Array {
  const { current, next, previous, sinceMs } = ring;
  const keys = [current, next, ...previous].map((key) => key.toBase64());
  return new TextEncoder().encode(JSON.stringify({ sinceMs, keys }));
}

/** Reads what {@linkcode writeTicketKeys} returned; undefined when it is something else. */
export function readTicketKeys(bytes: Uint8Array): TicketKeyRing | undefined {
  try {
    const { sinceMs, keys } = JSON.parse(new TextDecoder().decode(bytes));
    const all: readonly Uint8Array[] = keys.map((key: string) => Uint8Array.fromBase64(key));
    const [current, next, ...previous] = all;
    if (ticketKeysProblem(all) !== undefined || typeof sinceMs !== "number") return undefined;
    return current === undefined || next === undefined
      ? undefined
      : { current, next, previous, sinceMs };
  } catch {
    // The cause is dropped: it could quote a key.
    return undefined;
  }
}

function turn(
  { current, next, previous }: TicketKeyRing,
  { nowMs, randomBytes, policy }: TicketKeyMoment & { readonly policy: TicketKeyPolicy },
): TicketKeyRing {
  return {
    current: next,
    next: randomBytes(ticketKeyBytes),
    previous: [current, ...previous].slice(0, policy.keepPrevious),
    sinceMs: nowMs,
  };
}

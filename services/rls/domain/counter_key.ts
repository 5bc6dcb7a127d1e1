// SPDX-License-Identifier: Apache-2.0
/**
 * What counters are called, up to the start of their window. A name is kept in its parts, since most are
 * written out once, as bytes: joining them to a text first costs a busy service more than counting.
 * @module
 */

/** An entry as a counter's name has it. */
export interface NamedEntry {
  /** Its key. */
  readonly key: string;
  /** Its value, or the pattern that stands for values which share a counter. */
  readonly value: string;
}

/** A name, as envoyproxy/ratelimit writes it: `prefix_domain_key_value_`. */
export interface CounterKey {
  /** Prefix and domain, with the underscore at the end. */
  readonly head: string;
  /** The entries; an underscore follows each key and each value. */
  readonly entries: readonly NamedEntry[];
  /** Tells counters of one descriptor apart; empty where there is one. */
  readonly tail: string;
}

/** Returns the name as a text. */
export function counterKeyText({ head, entries, tail }: CounterKey): string {
  let text = head;
  for (const { key, value } of entries) text += `${key}_${value}_`;
  return text + tail;
}

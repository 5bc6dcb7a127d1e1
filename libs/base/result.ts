// SPDX-License-Identifier: Apache-2.0
/**
 * Expected outcomes as values, and the closing of unions.
 * @module
 */

/** Either a value or what prevented it. */
export type Result<T, E> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

/** Returns a successful result. */
export function ok<T>(value: T): Result<T, never> {
  return { ok: true, value };
}

/** Returns a failed result. */
export function err<E>(error: E): Result<never, E> {
  return { ok: false, error };
}

/** Closes a switch over a union: a missing case is a type error, and throws if it happens anyway. */
export function assertNever(value: never): never {
  throw new TypeError(`Cannot handle value as no case covers it: ${JSON.stringify(value)}`);
}

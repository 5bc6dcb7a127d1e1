// SPDX-License-Identifier: Apache-2.0
/**
 * Keeps the process alive when an error escapes.
 *
 * A control plane that ends on a stray error takes the configuration of a whole mesh with it, and
 * the errors that escape on Deno come from sockets: a peer's reset surfaces inside the runtime's own
 * HTTP/2, TLS and stream code, outside of any call of ours that could catch it. State is only
 * changed by functions that complete or throw to their caller, so an escaped error leaves none half
 * changed. Whoever installs the guard logs each at error and counts it, so that a
 * defect of ours does not hide.
 * @module
 */

/** Told of an error that escaped: a constant message and the error. Must not throw. */
export type EscapedErrorListener = (message: string, error: unknown) => void;

/** Begins to catch unhandled rejections and uncaught errors; disposing stops it. */
export function installProcessGuard(listener: EscapedErrorListener): Disposable {
  function onRejection(event: PromiseRejectionEvent): void {
    event.preventDefault();
    listener("unhandled rejection", event.reason);
  }
  function onError(event: ErrorEvent): void {
    event.preventDefault();
    listener("uncaught error", event.error ?? event.message);
  }
  globalThis.addEventListener("unhandledrejection", onRejection);
  globalThis.addEventListener("error", onError);
  return {
    [Symbol.dispose](): void {
      globalThis.removeEventListener("unhandledrejection", onRejection);
      globalThis.removeEventListener("error", onError);
    },
  };
}

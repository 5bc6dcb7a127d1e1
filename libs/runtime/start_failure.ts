// SPDX-License-Identifier: Apache-2.0
/**
 * Tells why a service cannot start in words that say what to do, for causes that are the machine's
 * and no defect of the service.
 * @module
 */
import { ProblemError, StatusCode, StatusError } from "@denvoy/base";
import { formatAddress, type ListenAddress } from "./config/address.ts";

/** An address that a service listens on, and the flag that sets it. */
export interface ListenFlag {
  /** The flag, e.g. `--grpc-address`. */
  readonly flag: string;
  /** Its value. */
  readonly address: ListenAddress;
}

/** Returns `error` as a problem with the flag, when it says that the address cannot be had. */
export function listenFailure(error: unknown, { flag, address }: ListenFlag): unknown {
  const why = whyNoAddress(error);
  if (why === undefined) return error;
  const path = `${flag} ${formatAddress(address)}`;
  return new ProblemError([{ severity: "error", path, message: `cannot listen as ${why}` }]);
}

/** Returns `error` as a problem when it needs no stack to be understood, else `error` itself. */
export function startFailure(error: unknown): unknown {
  if (error instanceof StatusError && error.code !== StatusCode.INTERNAL) {
    return new ProblemError([{ severity: "error", message: error.message }]);
  }
  if (!(error instanceof Deno.errors.NotCapable)) return error;
  const [access = ""] = error.message.split(", run again");
  const message = `Deno's permissions do not allow it: ${uncapitalized(access)}; allow it, or ` +
    "use what is allowed";
  return new ProblemError([{ severity: "error", message }]);
}

function whyNoAddress(error: unknown): string | undefined {
  const text = error instanceof Error ? error.message : "";
  if (error instanceof Deno.errors.AddrInUse || /EADDRINUSE/.test(text)) {
    return "another process uses the port: end that process, or give another address";
  }
  if (error instanceof Deno.errors.AddrNotAvailable || /EADDRNOTAVAIL/.test(text)) {
    return "this machine does not have the address";
  }
  // With a path after it, it is about a file.
  if (/^Permission denied \(os error 13\)$|\bEACCES\b/.test(text)) {
    return "the system does not let this user have it: give a port of 1024 or more";
  }
  return undefined;
}

function uncapitalized(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What a client is made of, with its switches, bounds and their defaults.
 * @module
 */
import type { ProtocolMode } from "../encoded_resource.ts";
import type { TypeUrl } from "../resource.ts";

/** Which variant is spoken; `auto` begins with Delta and takes SotW where a server has only that. */
export type ClientMode = ProtocolMode | "auto";

/** How long a client waits before it connects again. */
export interface BackoffOptions {
  /** The longest first wait, in milliseconds. @default 500 */
  readonly initialMs: number;
  /** The longest wait of all, in milliseconds. @default 30 s */
  readonly maxMs: number;
  /** By what the longest wait grows with each failure, at least 1. @default 2 */
  readonly factor: number;
}

/** Switches and bounds that have a default. */
export interface ClientTuning {
  /** Which variant is spoken. @default "auto" */
  readonly mode: ClientMode;
  /** How long an answer may take before a name counts as absent, in milliseconds. @default 15 s */
  readonly absentAfterMs: number;
  /** Waits between attempts. */
  readonly backoff: BackoffOptions;
  /** Resources that are kept of one type; further ones are rejected. @default 100000 */
  readonly maxResources: number;
}

/** What a client is made of. */
export interface ClientOptions extends Partial<ClientTuning> {
  /** How many servers there are, at least one; they are tried in turn. */
  readonly servers: number;
  /** The only type of its streams, for services of one type; absent for ADS. */
  readonly typeUrl?: TypeUrl | undefined;
}

/** What applies where nothing else is said. */
export const DEFAULT_CLIENT_TUNING: ClientTuning = {
  mode: "auto",
  absentAfterMs: 15_000,
  backoff: { initialMs: 500, maxMs: 30_000, factor: 2 },
  maxResources: 100_000,
};

/**
 * Returns how long to wait before attempt `failures` (from 0): between half and all of a bound that
 * doubles with each failure, so that clients that lost a server together do not come back together.
 */
export function backoffMs(
  { initialMs, maxMs, factor }: BackoffOptions,
  { failures, random }: {
    /** Attempts that failed in a row. */
    readonly failures: number;
    /** From 0 up to, not including, 1. */
    readonly random: number;
  },
): number {
  const bound = Math.min(maxMs, initialMs * factor ** Math.min(failures, 64));
  return bound * (0.5 + random / 2);
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The bounds of a server, completed once: whoever reads them later finds every one of them set.
 * @module
 */
import type { ServerLimits } from "./port.ts";

/**
 * What holds where nothing else was asked for. Envoy sends all its names when it connects again, so
 * a request may be large; and it may open one stream per cluster, so there may be many.
 */
export const defaultLimits: ServerLimits = {
  maxReceiveMessageBytes: 32 * 1024 * 1024,
  maxConcurrentStreams: 100_000,
  maxHeaderListBytes: 16 * 1024,
  maxConnections: 100_000,
  keepaliveIntervalMs: 60_000,
  keepaliveTimeoutMs: 20_000,
  handshakeTimeoutMs: 20_000,
  maxConnectionIdleMs: 3_600_000,
  maxConnectionAgeMs: 365 * 24 * 3_600_000,
  connectionGraceMs: 600_000,
  writeTimeoutMs: 60_000,
  streamWindowBytes: 256 * 1024,
  maxBufferedBytes: 64 * 1024 * 1024,
  maxContinuationFrames: 8,
  maxResetsPerSecond: 1_000,
  maxPingsPerSecond: 100,
  maxSettingsPerSecond: 10,
  maxEmptyFramesPerSecond: 1_000,
};

/**
 * Returns the limits with the defaults for those left out.
 *
 * @throws RangeError when a limit is not a positive whole number.
 */
export function completeLimits(limits: Partial<ServerLimits> = {}): ServerLimits {
  const complete = { ...defaultLimits, ...limits };
  for (const [name, value] of Object.entries(complete)) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new RangeError(`cannot use limit ${name} as it must be a positive integer: is ${value}`);
  }
  return complete;
}

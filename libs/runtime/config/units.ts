// SPDX-License-Identifier: Apache-2.0
/**
 * Durations and sizes as people write them.
 * @module
 */

const MS_PER_UNIT = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const BYTES_PER_UNIT = { "": 1, B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const;

/** Returns the milliseconds of a duration such as `250ms`, `1.5s`, `2m`, `1h`; else undefined. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (match === null) return undefined;
  const ms = Number(match[1]) * MS_PER_UNIT[match[2] as keyof typeof MS_PER_UNIT];
  return Number.isSafeInteger(Math.round(ms)) ? Math.round(ms) : undefined;
}

/** Returns the shortest exact duration text, e.g. `90000` as `90s`. */
export function formatDuration(ms: number): string {
  for (const unit of ["h", "m", "s"] as const) {
    if (ms !== 0 && ms % MS_PER_UNIT[unit] === 0) return `${ms / MS_PER_UNIT[unit]}${unit}`;
  }
  return ms === 0 ? "0s" : `${ms}ms`;
}

/** Returns the bytes of a size such as `4096`, `64KiB`, `1.5MiB`, `1GiB`; else undefined. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?(|B|KiB|MiB|GiB)$/.exec(text);
  if (match === null) return undefined;
  const bytes = Number(match[1]) * BYTES_PER_UNIT[match[2] as keyof typeof BYTES_PER_UNIT];
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Returns the shortest exact size text, e.g. `65536` as `64KiB`. */
export function formatSize(bytes: number): string {
  for (const unit of ["GiB", "MiB", "KiB"] as const) {
    if (bytes !== 0 && bytes % BYTES_PER_UNIT[unit] === 0) {
      return `${bytes / BYTES_PER_UNIT[unit]}${unit}`;
    }
  }
  return `${bytes}B`;
}

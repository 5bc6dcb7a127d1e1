// SPDX-License-Identifier: Apache-2.0
/**
 * What one process has used so far, as Linux counts it.
 * @module
 */

/** CPU and memory of a process, all its threads together, without its children. */
export interface ProcessUsage {
  /** User and system time since it started, in seconds; counted in steps of 10 ms. */
  readonly cpuSeconds: number;
  /** Resident memory now. */
  readonly residentBytes: number;
  /** The most resident memory that it ever had. */
  readonly peakBytes: number;
}

// USER_HZ, which Linux has fixed at 100 for what /proc shows on every architecture that Deno runs on.
const ticksPerSecond = 100;

/** Reads the usage of a running process. Throws on a system without /proc, and when it has ended. */
export async function readProcessUsage(pid: number): Promise<ProcessUsage> {
  const [stat, status] = await Promise.all([
    Deno.readTextFile(`/proc/${pid}/stat`),
    Deno.readTextFile(`/proc/${pid}/status`),
  ]);
  return parseProcessUsage(stat, status);
}

/** Takes the texts of `/proc/<pid>/stat` and `/proc/<pid>/status` apart. */
export function parseProcessUsage(stat: string, status: string): ProcessUsage {
  // The second field is the program's name in parentheses and may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return {
    cpuSeconds: ticks / ticksPerSecond,
    residentBytes: statusBytes(status, "VmRSS"),
    peakBytes: statusBytes(status, "VmHWM"),
  };
}

function statusBytes(status: string, key: string): number {
  const match = new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(status);
  if (match === null) throw new Error(`cannot read ${key} as the process has ended`);
  return Number(match[1]) * 1024;
}

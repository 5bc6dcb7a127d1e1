// SPDX-License-Identifier: Apache-2.0
/**
 * The flags of `deno task start`.
 * @module
 */

/** What a person asked `deno task start` for. */
export interface StartFlags {
  /** Start Envoy and the backends too, not the services alone. */
  readonly envoy: boolean;
  /** Show Envoy's log, and the services' at level debug. */
  readonly verbose: boolean;
  /** Added to every port, for when the usual ones are taken. */
  readonly shiftPorts: number;
  /** Print the help and do nothing. */
  readonly help: boolean;
}

/** What `--help` prints. */
export const startHelp = `Starts Denvoy with the example in examples/quickstart.

Usage: deno task start [flags]

  --no-envoy        the services alone, without Envoy and the two example backends
  --verbose         Envoy's log on the terminal too, and the services' at level debug
  --shift-ports N   add N to every port; the example is then copied into the cache folder
  --help            this text`;

/** Reads the arguments; throws on what it does not know. */
export function parseStartFlags(args: readonly string[]): StartFlags {
  const rest = [...args];
  let flags: StartFlags = { envoy: true, verbose: false, shiftPorts: 0, help: false };
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--no-envoy") flags = { ...flags, envoy: false };
    else if (arg === "--verbose") flags = { ...flags, verbose: true };
    else if (arg === "--help" || arg === "-h") flags = { ...flags, help: true };
    else if (arg === "--shift-ports") flags = { ...flags, shiftPorts: shift(rest.shift()) };
    else if (arg.startsWith("--shift-ports=")) {
      flags = { ...flags, shiftPorts: shift(arg.slice("--shift-ports=".length)) };
    } else throw new Error(`cannot start with ${arg}: see deno task start --help`);
  }
  return flags;
}

function shift(text: string | undefined): number {
  const value = Number(text);
  if (text !== undefined && Number.isInteger(value) && value >= 0 && value <= 40_000) return value;
  throw new Error(`cannot shift ports as --shift-ports must be 0 to 40000: it is ${text}`);
}

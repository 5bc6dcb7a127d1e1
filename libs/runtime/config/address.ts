// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses of listeners and peers, and which of them only this machine can reach.
 * @module
 */

import type { ListenAddress } from "@denvoy/base";

export type { ListenAddress } from "@denvoy/base";

const HOST_PORT = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9_.-]+)):(\d{1,5})$/;

/** Parses `host:port`, `[ip6]:port` or `unix:path`; undefined when it is none of them. */
export function parseAddress(
  text: string,
  options: { readonly lowestPort?: number } = {},
): ListenAddress | undefined {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    return path === "" || path.includes("\0") ? undefined : { kind: "unix", path };
  }
  const match = HOST_PORT.exec(text);
  if (match === null) return undefined;
  const hostname = match[1] ?? match[2] ?? "";
  const port = Number(match[3]);
  if (port < (options.lowestPort ?? 0) || port > 65535) return undefined;
  if (match[1] !== undefined && !URL.canParse(`http://[${hostname}]`)) return undefined;
  return { kind: "tcp", hostname, port };
}

/** Returns the address as the user writes it; the inverse of {@linkcode parseAddress}. */
export function formatAddress(address: ListenAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  const host = address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname;
  return `${host}:${address.port}`;
}

/** Tells whether only this machine can reach the address: loopback IP, `localhost`, Unix socket. */
export function isLoopback(address: ListenAddress): boolean {
  return address.kind === "unix" || isLoopbackHost(address.hostname);
}

/** Tells whether a host (an IP without brackets, or a name) is this machine's loopback. */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, "");
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  if (/^127(\.\d{1,3}){3}$/.test(name)) return true;
  return name.includes(":") && URL.canParse(`http://[${name}]`) &&
    ["[::1]", "[::ffff:7f00:1]"].includes(new URL(`http://[${name}]`).hostname);
}

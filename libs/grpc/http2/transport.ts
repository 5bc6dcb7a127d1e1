// SPDX-License-Identifier: Apache-2.0
/**
 * What a connection's bytes travel on: the one thing that differs between TCP, unix sockets and TLS.
 * @module
 */
import type { Peer } from "../port.ts";

/** A byte stream in both directions. */
export interface Transport {
  /** The other end. */
  readonly peer: Peer;
  /** Returns what came next, in an array of its own; undefined at the end. Rejects when it is lost. */
  read(): Promise<Uint8Array | undefined>;
  /** Resolves when all octets are taken; until then they must not change. One at a time. */
  write(octets: Uint8Array): Promise<void>;
  /** Says that no more will be written; resolves also when that cannot be said. */
  closeWrite(): Promise<void>;
  /** Lets go of the connection at once; `read` and `write` end. May be called again. */
  close(): void;
}

/** Accepts connections. */
export interface TransportListener {
  /** The address with the real port: `ip:port` or `unix:<path>`. */
  readonly address: string;
  /** Accepts no more; resolves when the port is free. */
  close(): Promise<void>;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Whom a client trusts and what it shows.
 * @module
 */
import { ChannelCredentials, type ChannelOptions } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import net from "node:net";
import tls from "node:tls";
import type { ClientOptions } from "../client.ts";

/** Sent as SNI to a server that is named by its IP address: RFC 6066 allows no address there. */
const noServerName = "localhost";

/**
 * Returns the credentials for a client.
 *
 * @throws Error when the keys do not fit together.
 */
export function channelCredentials(options: ClientOptions): ChannelCredentials {
  const { tls: keys } = options;
  if (keys === undefined) return ChannelCredentials.createInsecure();
  const expected = expectedName(options);
  return ChannelCredentials.createSsl(
    pemBuffer(keys.serverCa),
    pemBuffer(keys.privateKey),
    pemBuffer(keys.certificateChain),
    { checkServerIdentity: (_host, certificate) => tls.checkServerIdentity(expected, certificate) },
  );
}

/** Returns the channel options that set the server's name where it is not the address's host. */
export function nameOverride(options: ClientOptions): ChannelOptions {
  if (options.tls === undefined) return {};
  const expected = expectedName(options);
  const name = net.isIP(expected) === 0 ? expected : noServerName;
  return { "grpc.ssl_target_name_override": name };
}

function expectedName(options: ClientOptions): string {
  if (options.tls?.serverName !== undefined) return options.tls.serverName;
  if (options.address.startsWith("unix:")) return "localhost";
  return options.address.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}

function pemBuffer(pem: string | undefined): Buffer | undefined {
  return pem === undefined ? undefined : Buffer.from(pem);
}

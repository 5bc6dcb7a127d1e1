// SPDX-License-Identifier: Apache-2.0
/**
 * Keys and certificates as node:tls wants them, and as it gives them back.
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type tls from "node:tls";
import { readCertificateNames, readShownCertificate } from "@denvoy/base";
import type { Peer, TlsMaterial } from "./port.ts";

/**
 * Checks keys before they are used: node:tls on Deno looks at them only when a connection comes,
 * which is too late to say so.
 *
 * @throws Error when they are not PEM, or do not belong together; it quotes nothing of them.
 */
export function assertKeys(material: TlsMaterial): void {
  const leaf = readOrExplain(
    "certificateChain",
    () => new X509Certificate(material.certificateChain),
  );
  const key = readOrExplain("privateKey", () => createPrivateKey(material.privateKey));
  const { clientCa } = material;
  if (clientCa !== undefined) readOrExplain("clientCa", () => new X509Certificate(clientCa));
  if (leaf.checkPrivateKey(key)) return;
  throw new Error("cannot use TLS keys as privateKey must belong to the first certificate");
}

function readOrExplain<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch {
    // The cause is left out: it could quote the key.
    throw new Error(`cannot use TLS keys as ${name} must be PEM of the right kind`);
  }
}

/** Returns the options of node:tls for keys. */
export function contextOf(material: TlsMaterial): tls.SecureContextOptions {
  const client = material.clientCa === undefined ? {} : { ca: material.clientCa };
  return { cert: material.certificateChain, key: material.privateKey, ...client };
}

/**
 * Returns what the verified certificate of a peer says of it.
 *
 * @throws Error when the peer has none, or it cannot be read.
 */
export function provenOf(socket: tls.TLSSocket): Omit<Peer, "address"> {
  const { raw } = socket.getPeerCertificate();
  if (!socket.authorized || raw === undefined) {
    throw new Error("cannot name peer as its certificate must be verified: is not");
  }
  const { subject, ...sans } = readCertificateNames(raw);
  return { ...sans, ...(subject !== "" && { subject }), certificate: readShownCertificate(raw) };
}

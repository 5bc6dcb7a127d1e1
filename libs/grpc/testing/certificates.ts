// SPDX-License-Identifier: Apache-2.0
/**
 * The committed certificates of the tests.
 * @module
 */
import type { ClientTls } from "../client.ts";
import type { TlsMaterial } from "../port.ts";

/** Returns a file of testdata/ as text. */
export function readPem(file: string): string {
  return Deno.readTextFileSync(new URL(`../testdata/${file}`, import.meta.url));
}

/** Returns the DER bytes of a PEM file in testdata/. */
export function derOf(file: string): Uint8Array {
  const base64 = readPem(file).replace(/-----[^-]+-----|\s/g, "");
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

/** Keys of a server: `server` or `server_2`; with `mutual`, clients must show a certificate. */
export function serverTls(name: "server" | "server_2", mutual = false): TlsMaterial {
  const keys = { certificateChain: readPem(`${name}.pem`), privateKey: readPem(`${name}.key`) };
  return mutual ? { ...keys, clientCa: readPem("ca.pem") } : keys;
}

/** Keys of a client that trusts the test authority, and shows the certificate if one is named. */
export function clientTls(name?: "client" | "intruder"): ClientTls {
  const serverCa = readPem("ca.pem");
  if (name === undefined) return { serverCa };
  return {
    serverCa,
    certificateChain: readPem(`${name}.pem`),
    privateKey: readPem(`${name}.key`),
  };
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The committed test certificates as secrets, files and as a client sees them.
 * @module
 */
import { join } from "node:path";
import { connect } from "node:tls";
import { repositoryRoot } from "@denvoy/tools/real_parts";
import type { Resource } from "./resources.ts";

/** The folder of the certificates. */
export const certificateFolder = join(repositoryRoot, "libs", "grpc", "testdata");

/** Returns the path of a certificate or key. */
export function certificateFile(name: string): string {
  return join(certificateFolder, name);
}

/** Returns the PEM text of a certificate or key. */
export async function readCertificate(name: string): Promise<string> {
  return await Deno.readTextFile(certificateFile(name));
}

/** Returns a secret that holds a certificate and its key. */
export async function secret(name: string, pair: "server" | "server_2"): Promise<Resource> {
  return {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
    name,
    tls_certificate: {
      certificate_chain: { inline_string: await readCertificate(`${pair}.pem`) },
      private_key: { inline_string: await readCertificate(`${pair}.key`) },
    },
  };
}

/** Returns the common name of the certificate that a port shows to a client that trusts the CA. */
export async function servedCommonName(port: number): Promise<string> {
  const ca = await readCertificate("ca.pem");
  const socket = connect({ host: "127.0.0.1", port, servername: "localhost", ca });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  try {
    return await new Promise<string>((resolve, reject) => {
      socket.once("error", reject);
      // A listener that drains closes the connection in the middle of the handshake.
      socket.once("end", () => reject(new Error("the connection ended early")));
      socket.once("secureConnect", () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
      });
    });
  } finally {
    socket.destroy();
    await closed;
  }
}

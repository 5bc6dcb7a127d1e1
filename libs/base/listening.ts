// SPDX-License-Identifier: Apache-2.0
/**
 * What every listener is made of, whatever it speaks: where it listens and with which keys.
 * @module
 */

import type { RevokedCertificates } from "./client_certificates.ts";

/** Where a server listens. TCP port 0 picks a free port. */
export type ListenAddress =
  | { readonly kind: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** Keys of a TLS server, as PEM. */
export interface TlsMaterial {
  /** Certificate chain, leaf first. */
  readonly certificateChain: string;
  /** Private key of the leaf. */
  readonly privateKey: string;
  /**
   * Roots for client certificates. A gRPC client without a valid one is refused; an HTTP client is
   * asked for one.
   */
  readonly clientCa?: string;
  /** Client certificates that are refused although they chain to the roots. @default none */
  readonly revoked?: RevokedCertificates;
}

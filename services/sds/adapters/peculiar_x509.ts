// SPDX-License-Identifier: Apache-2.0
/**
 * The X.509 library, with the polyfill that it wants loaded before it.
 * @module
 */
import "reflect-metadata";

export { Pkcs10CertificateRequest, X509Crl } from "@peculiar/x509";

// SPDX-License-Identifier: Apache-2.0
/**
 * The built-in CA by itself, for the bench of issuing.
 * @module
 */
export { type CaSettings, defaultCaSettings } from "../domain/ca/ca_settings.ts";
export type { CertificateAuthority, IssueRequest } from "../domain/certificate_authority.ts";
export type { KeyType } from "../domain/certificate_facts.ts";
export { KeyPool } from "./key_pool.ts";
export { type OpenCa, openCa } from "./open_ca.ts";
export { WebCryptoKeys } from "./web_crypto_keys.ts";

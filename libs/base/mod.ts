// SPDX-License-Identifier: Apache-2.0
/**
 * What every package may use and what uses nothing: errors, results, ports for time and logs.
 * @module
 */
export * from "./bytes.ts";
export * from "./certificate_id.ts";
export * from "./certificate_names.ts";
export * from "./client_certificates.ts";
export * from "./clock.ts";
export * from "./der.ts";
export * from "./listening.ts";
export * from "./logger.ts";
export * from "./near_miss.ts";
export * from "./node_identity.ts";
export * from "./problem.ts";
export * from "./result.ts";
export * from "./revocation_list.ts";
export * from "./status_error.ts";
export * from "./text_pattern.ts";
export * from "./version.ts";

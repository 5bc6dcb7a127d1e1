// SPDX-License-Identifier: Apache-2.0
/**
 * The ads service as the command line runs it, and what it reads files with.
 * @module
 */
export { ads } from "./app.ts";
export { type AdsConfig, adsSchema } from "./config.ts";
export { readResourceFiles } from "./adapters/resource_files.ts";
export { consistencyPolicies, type ConsistencyPolicy } from "./domain/consistency.ts";
export { checkFiles, type FileCheck } from "./domain/file_check.ts";
export type { ResourceDraft } from "./domain/resource_document.ts";
export { type ResourceType, resourceTypes } from "./domain/resource_types.ts";
export { parseNodeSelector, selectorToJson } from "./domain/selector_parser.ts";

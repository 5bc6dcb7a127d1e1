// SPDX-License-Identifier: Apache-2.0
/**
 * The rls service as programs run it, and what it reads limit files with.
 * @module
 */
export { readLimitFiles } from "./adapters/limit_files.ts";
export { rlsEnvironment } from "./adapters/process_environment.ts";
export { rls } from "./app.ts";
export { type RlsConfig, rlsSchema } from "./config.ts";
export { isLimitText } from "./domain/limit_file.ts";
export {
  joinLimitFiles,
  LimitSet,
  type LimitSetOptions,
  type LimitSetResult,
  readLimitSet,
} from "./domain/limit_set.ts";
export { referenceVariables, withReferenceEnvironment } from "./reference_environment.ts";
export type { ReferenceEnvironment } from "./reference_reader.ts";

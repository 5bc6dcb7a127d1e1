// SPDX-License-Identifier: Apache-2.0
/**
 * The Envoy API: descriptors of everything, wire codecs for what the code speaks, canonical JSON and
 * YAML for what users write. Interfaces of single messages are in `@denvoy/proto/messages`.
 * @module
 */
export * from "./codec.ts";
export { loadRegistry, Registry, type RegistryFile, typeNameOf, typeUrlOf } from "./registry.ts";
export { AnyMessage, messageFromBinary } from "./message.ts";
export { formatPath, type Path } from "./path.ts";
export {
  type Bounds,
  FieldReader,
  type FieldReaderOptions,
  type MapAt,
  valueOf,
} from "./field_reader.ts";
export { isPlainMap, type PlainMap, type PlainValue } from "./plain.ts";
export { type Complaint, problemAt } from "./problem_at.ts";
export { listAt, type PlainItem, readMessage, type ReadOptions, type ReadResult } from "./read.ts";
export {
  parseDocuments,
  type ParseOptions,
  type ParseResult,
  type Place,
  type SourceDocument,
} from "./source.ts";
export { packAny, unpackAny } from "./any.ts";
export { toJson, toYaml, type WriteOptions } from "./to_json.ts";
export { type FieldValue, MessageView, viewOf, type Visitor, walk } from "./view.ts";
export { validate, type ValidateOptions } from "./validate.ts";

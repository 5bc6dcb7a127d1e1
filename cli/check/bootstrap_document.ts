// SPDX-License-Identifier: Apache-2.0
/**
 * Tells bootstraps of Envoys from files of resources, and checks them.
 * @module
 */
import { hasErrors, type Problem } from "@denvoy/base";
import {
  parseDocuments,
  type PlainMap,
  readMessage,
  type SourceDocument,
  typeUrlOf,
  validate,
} from "@denvoy/proto";

const BOOTSTRAP = typeUrlOf("envoy.config.bootstrap.v3.Bootstrap");
const TELLING_FIELDS = [
  ...["static_resources", "staticResources", "dynamic_resources", "dynamicResources"],
  ...["admin", "node", "layered_runtime", "layeredRuntime"],
];

/** Returns the problems of a bootstrap; undefined for a text that is none. */
export function checkBootstrapText(text: string, file: string): readonly Problem[] | undefined {
  const { documents } = parseDocuments(text, { file });
  const [source, ...others] = documents;
  if (source === undefined || others.length > 0 || !isBootstrap(source)) return undefined;
  const { message, problems } = readMessage({ value: source.value, source, typeUrl: BOOTSTRAP });
  if (message === undefined || hasErrors(problems)) return problems;
  return [...problems, ...validate(message, { source })];
}

function isBootstrap({ value }: SourceDocument): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const map = value as PlainMap;
  if (typeof map["@type"] === "string") return map["@type"] === BOOTSTRAP;
  return !Object.hasOwn(map, "resources") && TELLING_FIELDS.some((key) => Object.hasOwn(map, key));
}

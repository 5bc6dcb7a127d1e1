// SPDX-License-Identifier: Apache-2.0
/**
 * Bootstraps and files beside them as text. Each is read as the message that it is first, so that
 * nothing is written which Envoy would not know.
 * @module
 */
import { hasErrors, ProblemError } from "@denvoy/base";
import { type PlainValue, readMessage, toJson, toYaml, typeUrlOf, validate } from "@denvoy/proto";

/** The messages that are written. */
export type WrittenMessage =
  | "envoy.config.bootstrap.v3.Bootstrap"
  | "envoy.service.discovery.v3.DiscoveryResponse";

/**
 * Returns canonical JSON or YAML of a message.
 * @throws {ProblemError} if the content is not such a message
 */
export function renderMessage(
  content: unknown,
  { type, format }: { readonly type: WrittenMessage; readonly format: "json" | "yaml" },
): string {
  const read = readMessage({ value: content as PlainValue, typeUrl: typeUrlOf(type) });
  const problems = [...read.problems, ...read.message === undefined ? [] : validate(read.message)];
  if (read.message === undefined || hasErrors(problems)) throw new ProblemError(problems);
  const options = { withType: false };
  if (format === "yaml") return toYaml(read.message, options);
  return `${JSON.stringify(toJson(read.message, options), undefined, 2)}\n`;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Writes libs/proto/gen/services.ts: the methods of each root service with the names of their
 * messages.
 * @module
 */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { Model } from "./gen_proto_model.ts";
import { GENERATED_HEADER } from "./gen_proto_types.ts";

/** Returns the text of services.ts. */
export function writeServices(model: Model): string {
  const doc = "/** Methods of each service: kind and the full names of what goes in and out. */";
  const services = model.services.map(writeService).join("");
  return `${GENERATED_HEADER}\n${doc}\nexport const services = {\n${services}} as const;\n`;
}

function writeService(service: DescService): string {
  return `  "${service.typeName}": {\n${service.methods.map(writeMethod).join("")}  },\n`;
}

function writeMethod(method: DescMethod): string {
  const kind = KINDS[method.methodKind];
  const { input, output } = method;
  return `    ${method.name}: { kind: "${kind}", request: "${input.typeName}", response: "${output.typeName}" },\n`;
}

const KINDS = {
  unary: "unary",
  client_streaming: "client-stream",
  server_streaming: "server-stream",
  bidi_streaming: "bidi-stream",
} as const;

// SPDX-License-Identifier: Apache-2.0
/**
 * Reads what stands where a message names its own type: `{"@type": URL, …}`, where types with a JSON
 * form of their own stand under `value`.
 * @module
 */
import { didYouMean } from "@denvoy/base";
import { create, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { type Described, rememberContent } from "./described.ts";
import { hasOwnJsonForm } from "./field_table.ts";
import type { MessageReader } from "./message_reader.ts";
import { isPlainMap, type PlainMap, type PlainValue, quote } from "./plain.ts";
import { typeNameOf, typeUrlOf } from "./registry.ts";

/** Reads a message of the type that its `@type` says. */
export function readAny(reader: MessageReader, value: PlainValue): Described | undefined {
  if (!isPlainMap(value)) {
    reader.failValue('must be a map with "@type"', value);
    return undefined;
  }
  const typeUrl = Object.hasOwn(value, "@type") ? value["@type"] ?? null : undefined;
  if (typeUrl === undefined) {
    reader.fail('needs "@type" to say which message it is');
    return undefined;
  }
  const desc = reader.at("@type", () => resolveType(reader, typeUrl));
  if (desc === undefined) return undefined;
  const { "@type": _, ...fields } = value;
  const message = hasOwnJsonForm(desc)
    ? readValueOf(reader, desc, fields)
    : reader.message(desc, fields);
  return message && { desc, message };
}

/** Reads a google.protobuf.Any; an empty map is an Any that holds nothing. */
export function readAnyMessage(reader: MessageReader, value: PlainValue): Described["message"] {
  const any = create(AnySchema);
  if (isPlainMap(value) && Object.keys(value).length === 0) return any;
  const content = readAny(reader, value);
  if (content === undefined) return any;
  any.typeUrl = isPlainMap(value) ? String(value["@type"]) : "";
  any.value = toBinary(content.desc, content.message);
  rememberContent(any, content);
  return any;
}

function resolveType(reader: MessageReader, typeUrl: PlainValue): Described["desc"] | undefined {
  if (typeof typeUrl !== "string") {
    reader.failValue("must be a type URL", typeUrl);
    return undefined;
  }
  const desc = reader.registry.messageByUrl(typeUrl);
  if (desc && typeUrl.lastIndexOf("/") > 0) return desc;
  const hint = desc ? `did you mean "${typeUrlOf(desc.typeName)}"?` : hintFor(reader, typeUrl);
  reader.fail(`type ${quote(typeUrl)} is unknown`, { hint });
  return undefined;
}

function hintFor(reader: MessageReader, typeUrl: string): string | undefined {
  const names = reader.registry.messageNames();
  return didYouMean(typeNameOf(typeUrl), names)?.replace('"', `"${typeUrlOf("")}`);
}

function readValueOf(
  reader: MessageReader,
  desc: Described["desc"],
  fields: PlainMap,
): Described["message"] | undefined {
  for (const key of Object.keys(fields)) {
    if (key === "value") continue;
    const message = `${desc.typeName} in an Any has no field ${quote(key)}`;
    reader.at(key, () => reader.fail(message, { at: "key", hint: 'it stands under "value"' }));
  }
  if (!Object.hasOwn(fields, "value")) return create(desc);
  return reader.at("value", () => reader.message(desc, fields["value"] ?? null));
}

// SPDX-License-Identifier: Apache-2.0
/**
 * A google.protobuf.Struct as the JSON that it stands for.
 * @module
 */
import type { MessageOf } from "@denvoy/proto";

type Struct = MessageOf<"google.protobuf.Struct">;
type Value = Struct["fields"][string];

/** Deeper values are left out: what comes over a socket must not exhaust the stack. */
const MAX_DEPTH = 32;

/** Returns the JSON of a struct. */
export function structJson(struct: Struct): Readonly<Record<string, unknown>> {
  return fieldsJson(struct, 0);
}

function fieldsJson({ fields }: Struct, depth: number): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      valueJson(value, depth + 1),
    ]),
  );
}

function valueJson(value: Value, depth: number): unknown {
  if (depth > MAX_DEPTH) return undefined;
  if (value.structValue !== undefined) return fieldsJson(value.structValue, depth);
  if (value.listValue !== undefined) {
    return value.listValue.values.map((one) => valueJson(one, depth + 1));
  }
  // JSON's own null: the field was set to it.
  return value.stringValue ?? value.numberValue ?? value.boolValue ?? null;
}

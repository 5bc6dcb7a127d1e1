// SPDX-License-Identifier: Apache-2.0
/**
 * Writes libs/proto/gen/codecs.ts: straight-line encoders and decoders over the reader and writer of
 * protobufjs, one pair per message. Why generated and not built at run time: a service that speaks a
 * few messages neither loads the descriptor set nor evaluates code, and decoded messages are plain
 * objects that hold every field without presence.
 * @module
 */
import { type DescField, type DescMessage, type DescOneof, ScalarType } from "@bufbuild/protobuf";
import type { Model } from "./gen_proto_model.ts";
import { GENERATED_HEADER, hasPresence } from "./gen_proto_types.ts";

/** Returns the text of codecs.ts. */
export function writeCodecs(model: Model): string {
  const parts = [
    GENERATED_HEADER,
    'import * as w from "../wire.ts";',
    'import type * as t from "./messages.ts";\n',
    ...model.messages.map((message) => writeCodec(message, model)),
    writeTable(model),
  ];
  return parts.join("\n");
}

function writeTable(model: Model): string {
  const entries = model.messages.map((message) => {
    const id = model.identifier(message);
    return `  "${message.typeName}": { encode: encode${id}, decode: decode${id} },\n`;
  });
  const doc = "/** Encoder and decoder of each message by its full name. */";
  return `${doc}\nexport const codecs = {\n${entries.join("")}} as const;\n`;
}

function writeCodec(message: DescMessage, model: Model): string {
  const id = model.identifier(message);
  const groups = message.oneofs.map((oneof) => writeOneof(oneof, id)).join("");
  return `${groups}${writeEncoder(message, model)}\n${writeDecoder(message, model)}`;
}

function writeOneof(oneof: DescOneof, id: string): string {
  const members = oneof.fields.map((field) => `"${field.localName}"`).join(", ");
  return `const ${groupName(oneof, id)} = [${members}] as const;\n`;
}

function groupName(oneof: DescOneof, id: string): string {
  return `${id}_oneof_${oneof.name}`;
}

function writeEncoder(message: DescMessage, model: Model): string {
  const id = model.identifier(message);
  const fields = message.fields.toSorted((a, b) => a.number - b.number);
  const lines = fields.map((field) => `  ${writeFieldEncoder(field, model)}\n`).join("");
  return `function encode${id}(m: w.Init<t.${id}>, o: w.Writer): void {\n${lines}}\n`;
}

function writeFieldEncoder(field: DescField, model: Model): string {
  const value = `m.${field.localName}`;
  switch (field.fieldKind) {
    case "list":
      return `if (${value} !== undefined) ${writeListEncoder(field, model)}`;
    case "map":
      return `if (${value} !== undefined) ${writeMapEncoder(field, model)}`;
    default: {
      const zero = hasPresence(field) ? "" : ` && ${value} !== ${zeroOf(field)}`;
      const bytes = field.scalar === ScalarType.BYTES && !hasPresence(field);
      const present = bytes ? `${value}?.length` : `${value} !== undefined${zero}`;
      return `if (${present}) ${writeValue(field, value, { number: field.number, model })}`;
    }
  }
}

interface ValueTarget {
  readonly number: number;
  readonly model: Model;
}

function writeValue(field: DescField, value: string, { number, model }: ValueTarget): string {
  if (field.message) {
    const encode = `encode${model.identifier(field.message)}`;
    return `{ ${encode}(${value}, o.uint32(${number * 8 + 2}).fork()); o.ldelim(); }`;
  }
  const tag = number * 8 + wireType(scalarOf(field));
  return `o.uint32(${tag}).${method(scalarOf(field))}(${value});`;
}

function writeListEncoder(field: DescField & { fieldKind: "list" }, model: Model): string {
  const value = `m.${field.localName}`;
  if (!field.packed) {
    return `for (const v of ${value}) ${writeValue(field, "v", { number: field.number, model })}`;
  }
  const items = `for (const v of ${value}) o.${method(scalarOf(field))}(v);`;
  return `if (${value}.length > 0) { o.uint32(${
    field.number * 8 + 2
  }).fork(); ${items} o.ldelim(); }`;
}

function writeMapEncoder(field: DescField & { fieldKind: "map" }, model: Model): string {
  const keyTag = 8 + wireType(field.mapKey);
  const key = field.mapKey === ScalarType.STRING
    ? "k"
    : field.mapKey === ScalarType.BOOL
    ? 'k === "true"'
    : "Number(k)";
  const value = writeValue(field, "v", { number: 2, model });
  const loop = `for (const [k, v] of w.sortedEntries(m.${field.localName}))`;
  const open = `o.uint32(${field.number * 8 + 2}).fork().uint32(${keyTag}).${
    method(field.mapKey)
  }(${key});`;
  return `${loop} { if (v === undefined) continue; ${open} ${value} o.ldelim(); }`;
}

function writeDecoder(message: DescMessage, model: Model): string {
  const id = model.identifier(message);
  const zeros = message.fields.filter((field) => !hasPresence(field))
    .map((field) => `${field.localName}: ${zeroOf(field)}`).join(", ");
  const cases = message.fields.map((field) => writeFieldDecoder(field, id, model)).join("");
  const body = cases === "" ? "w.skip(i, i.uint32(), d);" : `const tag = i.uint32();
    switch (tag) {
${cases}      default: w.skip(i, tag, d);
    }`;
  return `function decode${id}(i: w.Reader, e: number, d: number, into?: t.${id}): t.${id} {
  const m = (into ?? { ${zeros} }) as w.Mutable<t.${id}>;
  while (i.pos < e) {
    ${body}
  }
  w.checkEnd(i, e);
  return m;
}
`;
}

function writeFieldDecoder(field: DescField, id: string, model: Model): string {
  const at = `m.${field.localName}`;
  switch (field.fieldKind) {
    case "list":
      return writeListDecoder(field, model);
    case "map":
      return writeMapDecoder(field, model);
    default: {
      const clear = field.oneof
        ? `w.clearOthers(m, ${groupName(field.oneof, id)}, "${field.localName}"); `
        : "";
      return writeCase(field, `${clear}${at} = ${readValue(field, at, model)};`);
    }
  }
}

function writeCase(field: DescField, body: string): string {
  return `      case ${field.number * 8 + fieldWireType(field)}: ${body} break;\n`;
}

function readValue(field: DescField, into: string, model: Model): string {
  if (!field.message) return readScalar(scalarOf(field));
  const merge = into === "" ? "" : `, ${into}`;
  return `decode${model.identifier(field.message)}(i, w.childEnd(i, e, d), d + 1${merge})`;
}

function readScalar(type: ScalarType): string {
  const read = `i.${method(type)}()`;
  return is64Bit(type) ? `w.toNumber(${read})` : read;
}

function writeListDecoder(field: DescField & { fieldKind: "list" }, model: Model): string {
  const at = `w.mutable(m.${field.localName})`;
  const one = writeCase(field, `${at}.push(${readValue(field, "", model)});`);
  const scalar = scalarOf(field);
  const packable = !field.message && wireType(scalar) !== 2;
  if (!packable) return one;
  const loop = `for (const end = w.childEnd(i, e, d); i.pos < end;) ${at}.push(${
    readScalar(scalar)
  });`;
  return `${one}      case ${field.number * 8 + 2}: ${loop} break;\n`;
}

function writeMapDecoder(field: DescField & { fieldKind: "map" }, model: Model): string {
  const keyTag = 8 + wireType(field.mapKey);
  const valueTag = 16 + fieldWireType(field);
  const valueType = field.message ? `t.${model.identifier(field.message)} | undefined` : "";
  const zero = field.message ? "undefined" : zeroScalar(scalarOf(field));
  const declare = valueType === "" ? `let v = ${zero};` : `let v: ${valueType} = ${zero};`;
  const value = field.message
    ? `decode${model.identifier(field.message)}(i, w.childEnd(i, end, d), d + 1)`
    : readScalar(scalarOf(field));
  const missing = field.message ? ` ?? decode${model.identifier(field.message)}(i, i.pos, d)` : "";
  return `      case ${field.number * 8 + 2}: {
        const end = w.childEnd(i, e, d);
        let k = ${zeroScalar(field.mapKey)};
        ${declare}
        while (i.pos < end) {
          const entryTag = i.uint32();
          if (entryTag === ${keyTag}) k = ${readScalar(field.mapKey)};
          else if (entryTag === ${valueTag}) v = ${value};
          else w.skip(i, entryTag, d);
        }
        w.checkEnd(i, end);
        w.setEntry(m.${field.localName}, String(k), v${missing});
        break;
      }
`;
}

function fieldWireType(field: DescField): number {
  return field.message ? 2 : wireType(scalarOf(field));
}

function scalarOf(field: DescField): ScalarType {
  return field.scalar ?? ScalarType.INT32;
}

function zeroOf(field: DescField): string {
  if (field.fieldKind === "list") return "[]";
  if (field.fieldKind === "map") return "{}";
  return zeroScalar(scalarOf(field));
}

function zeroScalar(type: ScalarType): string {
  switch (type) {
    case ScalarType.STRING:
      return '""';
    case ScalarType.BYTES:
      return "w.NO_BYTES";
    case ScalarType.BOOL:
      return "false";
    default:
      return "0";
  }
}

function method(type: ScalarType): string {
  return (ScalarType[type] ?? "").toLowerCase();
}

function is64Bit(type: ScalarType): boolean {
  return method(type).endsWith("64");
}

function wireType(type: ScalarType): number {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return 2;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return 1;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return 5;
    default:
      return 0;
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Turns the .proto files of libs/proto/protos (what xds-protos lacks) into descriptors, without
 * protoc: protobufjs parses the text, this module resolves names and writes FileDescriptorProtos.
 * Options and extensions are not supported, as these files need none.
 * @module
 */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  type EnumDescriptorProto,
  EnumDescriptorProtoSchema,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as FieldType,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  type ServiceDescriptorProto,
  ServiceDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import protobuf from "protobufjs";

/** Whether a full name is a message or an enum; absent when nothing has that name. */
export type KindOf = (fullName: string) => "message" | "enum" | undefined;

/**
 * Returns the serialized descriptors of .proto files (name to text), which may use each other's
 * types and those that `known` knows.
 */
export function compileProtos(
  sources: ReadonlyMap<string, string>,
  known: KindOf,
): Map<string, Uint8Array> {
  const all = new protobuf.Root();
  for (const text of sources.values()) protobuf.parse(text, all, { keepCase: true });
  const scope = new Scope(all, known);
  return new Map([...sources].map(([name, text]) => [name, compileProto(name, text, scope)]));
}

function compileProto(name: string, text: string, scope: Scope): Uint8Array {
  const parsed = protobuf.parse(text, new protobuf.Root(), { keepCase: true });
  const packageName = parsed.package ?? "";
  const members = membersOf(parsed.root.lookup(packageName), scope);
  const syntax = /syntax\s*=\s*"(proto[23])"/.exec(text)?.[1] ?? "proto2";
  return toBinary(
    FileDescriptorProtoSchema,
    create(FileDescriptorProtoSchema, {
      name,
      package: packageName,
      dependency: [...(parsed.imports ?? [])],
      messageType: members.messages,
      enumType: members.enums,
      service: members.services,
      // protoc leaves the field out for proto2.
      ...(syntax === "proto3" ? { syntax } : {}),
    }),
  );
}

/** Finds the full names of types by the scoping rules of protobuf, innermost first. */
class Scope {
  readonly #root: protobuf.Root;
  readonly #known: KindOf;

  constructor(root: protobuf.Root, known: KindOf) {
    this.#root = root;
    this.#known = known;
  }

  resolve(type: string, from: string): { readonly name: string; readonly kind: FieldType } {
    for (let scope = from;; scope = scope.slice(0, Math.max(0, scope.lastIndexOf(".")))) {
      const name = scope === "" ? type : `${scope}.${type}`;
      const kind = this.#kindOf(name);
      if (kind) {
        return { name: `.${name}`, kind: kind === "enum" ? FieldType.ENUM : FieldType.MESSAGE };
      }
      if (scope === "") {
        throw new Error(`cannot resolve type as nothing in ${from} is named ${type}`);
      }
    }
  }

  #kindOf(name: string): "message" | "enum" | undefined {
    const found = this.#root.lookup(name);
    if (found instanceof protobuf.Enum) return "enum";
    return found instanceof protobuf.Type ? "message" : this.#known(name);
  }
}

interface Members {
  readonly messages: DescriptorProto[];
  readonly enums: EnumDescriptorProto[];
  readonly services: ServiceDescriptorProto[];
}

function membersOf(parent: protobuf.ReflectionObject | null, scope: Scope): Members {
  const members: Members = { messages: [], enums: [], services: [] };
  if (!(parent instanceof protobuf.Namespace)) return members;
  for (const child of parent.nestedArray) {
    if (child instanceof protobuf.Type) members.messages.push(messageOf(child, scope));
    else if (child instanceof protobuf.Enum) members.enums.push(enumOf(child));
    else if (child instanceof protobuf.Service) members.services.push(serviceOf(child, scope));
  }
  return members;
}

function messageOf(type: protobuf.Type, scope: Scope): DescriptorProto {
  const nested = membersOf(type, scope);
  const maps = type.fieldsArray.filter((field) => field instanceof protobuf.MapField);
  return create(DescriptorProtoSchema, {
    name: type.name,
    field: type.fieldsArray.map((field) => fieldOf(field, scope)),
    nestedType: [...nested.messages, ...maps.map((field) => mapEntryOf(field, scope))],
    enumType: nested.enums,
    oneofDecl: type.oneofsArray.map((oneof) => ({ name: oneof.name })),
  });
}

function fieldOf(field: protobuf.Field, scope: Scope): FieldDescriptorProto {
  const owner = fullName(field.parent);
  const repeated = field.repeated || field instanceof protobuf.MapField;
  const type = field instanceof protobuf.MapField
    ? { name: `.${owner}.${entryName(field.name)}`, kind: FieldType.MESSAGE }
    : typeOf(field.type, owner, scope);
  return create(FieldDescriptorProtoSchema, {
    name: field.name,
    number: field.id,
    label: repeated ? Label.REPEATED : Label.OPTIONAL,
    type: type.kind,
    ...(type.name ? { typeName: type.name } : {}),
    ...(field.partOf ? { oneofIndex: oneofIndex(field) } : {}),
  });
}

function mapEntryOf(field: protobuf.MapField, scope: Scope): DescriptorProto {
  const owner = fullName(field.parent);
  const entry = (name: string, number: number, type: string): FieldDescriptorProto => {
    const { kind, name: typeName } = typeOf(type, owner, scope);
    const base = { name, number, label: Label.OPTIONAL, type: kind };
    return create(FieldDescriptorProtoSchema, { ...base, ...(typeName ? { typeName } : {}) });
  };
  return create(DescriptorProtoSchema, {
    name: entryName(field.name),
    field: [entry("key", 1, field.keyType), entry("value", 2, field.type)],
    options: { mapEntry: true },
  });
}

function typeOf(
  type: string,
  owner: string,
  scope: Scope,
): { readonly name?: string; readonly kind: FieldType } {
  const scalar = FieldType[type.toUpperCase() as keyof typeof FieldType];
  return scalar === undefined ? scope.resolve(type, owner) : { kind: scalar };
}

function enumOf(type: protobuf.Enum): EnumDescriptorProto {
  const value = Object.entries(type.values).map(([name, number]) => ({ name, number }));
  return create(EnumDescriptorProtoSchema, { name: type.name, value });
}

function serviceOf(service: protobuf.Service, scope: Scope): ServiceDescriptorProto {
  const owner = fullName(service);
  return create(ServiceDescriptorProtoSchema, {
    name: service.name,
    method: service.methodsArray.map((method) => ({
      name: method.name,
      inputType: scope.resolve(method.requestType, owner).name,
      outputType: scope.resolve(method.responseType, owner).name,
      ...(method.requestStream ? { clientStreaming: true } : {}),
      ...(method.responseStream ? { serverStreaming: true } : {}),
    })),
  });
}

function oneofIndex(field: protobuf.Field): number {
  const parent = field.parent;
  if (!(parent instanceof protobuf.Type) || !field.partOf) return 0;
  return parent.oneofsArray.indexOf(field.partOf);
}

function entryName(fieldName: string): string {
  const camel = fieldName.replace(
    /(?:^|_)([a-z0-9])/g,
    (_, letter: string) => letter.toUpperCase(),
  );
  return `${camel}Entry`;
}

function fullName(object: protobuf.ReflectionObject | null): string {
  return object === null ? "" : object.fullName.replace(/^\./, "");
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Chooses what is put out as TypeScript: the root messages and services, everything they refer to,
 * and the name that each of them gets.
 * @module
 */
import type {
  DescEnum,
  DescField,
  DescMessage,
  DescService,
  FileRegistry,
} from "@bufbuild/protobuf";

/** Everything that becomes TypeScript, each list sorted by full name. */
export interface Model {
  /** Messages with a type and a codec; map entries are not among them. */
  readonly messages: readonly DescMessage[];
  /** Enums that those messages use. */
  readonly enums: readonly DescEnum[];
  /** Services with their methods. */
  readonly services: readonly DescService[];
  /** Returns the TypeScript name of a message or enum of this model. */
  identifier(type: DescMessage | DescEnum): string;
}

/** What the closure starts from. */
export interface Roots {
  /** Full names of messages. */
  readonly messages: readonly string[];
  /** Full names of services. */
  readonly services: readonly string[];
}

/** Collects the closure of `roots`; throws when a root does not exist. */
export function buildModel(registry: FileRegistry, roots: Roots): Model {
  const services = roots.services.map((name) => required(registry.getService(name), name));
  const closure = new Closure();
  for (const name of roots.messages) closure.add(required(registry.getMessage(name), name));
  for (const { methods } of services) {
    for (const method of methods) {
      closure.add(method.input);
      closure.add(method.output);
    }
  }
  const messages = sorted([...closure.messages]);
  const enums = sorted([...closure.enums]);
  const identifiers = nameAll([...messages, ...enums]);
  return {
    messages,
    enums,
    services: sorted(services),
    identifier: (type) => required(identifiers.get(type.typeName), type.typeName),
  };
}

class Closure {
  readonly messages = new Set<DescMessage>();
  readonly enums = new Set<DescEnum>();

  add(message: DescMessage): void {
    if (this.messages.has(message)) return;
    this.messages.add(message);
    for (const field of message.fields) this.#addField(field);
  }

  #addField(field: DescField): void {
    if (field.message) this.add(field.message);
    if (field.enum) this.enums.add(field.enum);
  }
}

/** A type is called by its own name, nested ones as `Outer_Inner`; its package tells equals apart. */
function nameAll(types: readonly (DescMessage | DescEnum)[]): Map<string, string> {
  const byName = Map.groupBy(types, shortName);
  const names = new Map<string, string>();
  for (const type of types) {
    const short = shortName(type);
    const unique = byName.get(short)?.length === 1;
    names.set(type.typeName, unique ? short : pascalCase(type.file.proto.package) + short);
  }
  return names;
}

function shortName(type: DescMessage | DescEnum): string {
  const packageName = type.file.proto.package;
  return type.typeName.slice(packageName === "" ? 0 : packageName.length + 1).replaceAll(".", "_");
}

function pascalCase(packageName: string): string {
  return packageName.replace(/(?:^|[._])(.)/g, (_, letter: string) => letter.toUpperCase());
}

function sorted<T extends { readonly typeName: string }>(types: readonly T[]): T[] {
  return types.toSorted((a, b) => a.typeName < b.typeName ? -1 : 1);
}

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) {
    throw new Error(`cannot generate ${name} as no descriptor has that name`);
  }
  return value;
}

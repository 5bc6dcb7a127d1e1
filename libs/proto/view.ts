// SPDX-License-Identifier: Apache-2.0
/**
 * Looks into messages of any type by the names of their fields: what names which cluster, which
 * secret, which route. Messages in an Any are looked into like any other.
 * @module
 */
import type { DescField, DescMessage, JsonObject, Message } from "@bufbuild/protobuf";
import { contentOf, isAny, localValue } from "./described.ts";
import type { AnyMessage } from "./message.ts";
import { fieldTablesOf } from "./message_reader.ts";
import { formatPath, type Path } from "./path.ts";
import { loadRegistry, type Registry } from "./registry.ts";

/**
 * The value of a field: 64-bit integers are bigints, enums numbers, wrappers bare, a
 * google.protobuf.Struct is its JSON. An Any is the message that it holds, or the Any itself when
 * that is unknown.
 */
export type FieldValue =
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | JsonObject
  | MessageView
  | readonly FieldValue[]
  | ReadonlyMap<string, FieldValue>;

/** FeatureSet.FieldPresence.IMPLICIT: a field that is zero where others are absent. */
const IMPLICIT = 2;

/** A message somewhere within a resource. */
export class MessageView {
  /** Its full name. */
  readonly typeName: string;
  readonly #registry: Registry;
  readonly #desc: DescMessage;
  readonly #message: Message;
  readonly #parent: { readonly view: MessageView; readonly keys: Path } | undefined;

  /** Made by {@linkcode viewOf}. */
  constructor(inner: {
    readonly registry: Registry;
    readonly desc: DescMessage;
    readonly message: Message;
    readonly parent?: { readonly view: MessageView; readonly keys: Path };
  }) {
    this.#registry = inner.registry;
    this.#desc = inner.desc;
    this.#message = inner.message;
    this.#parent = inner.parent;
    this.typeName = inner.desc.typeName;
  }

  /** Keys from the resource to this message, in proto names; empty for the resource itself. */
  get keys(): Path {
    return this.#parent ? [...this.#parent.view.keys, ...this.#parent.keys] : [];
  }

  /** The same as text, e.g. `filter_chains[0].filters[1].typed_config`. */
  get path(): string {
    return formatPath(this.keys);
  }

  /** Tells whether a field is set; one that cannot be absent counts as set when it is not zero. */
  has(name: string): boolean {
    const field = this.#field(name);
    const value = this.#valueOf(field);
    if (value === undefined || field.oneof || field.presence !== IMPLICIT) {
      return value !== undefined;
    }
    if (Array.isArray(value) || value instanceof Uint8Array) return value.length > 0;
    if (value instanceof Map) return value.size > 0;
    return field.message !== undefined || Boolean(value);
  }

  /**
   * Returns a field by its proto name; undefined when it is absent. A field that cannot be absent has
   * its zero value, an empty list or an empty map instead.
   * @throws TypeError when the message has no such field.
   */
  get(name: string): FieldValue | undefined {
    return this.#valueOf(this.#field(name));
  }

  /** Returns a string field; `""` when it is absent or no string. */
  text(name: string): string {
    const value = this.get(name);
    return typeof value === "string" ? value : "";
  }

  /** Returns a message field; undefined when it is absent or no message. */
  message(name: string): MessageView | undefined {
    const value = this.get(name);
    return value instanceof MessageView ? value : undefined;
  }

  /** Returns the messages of a list or map field, in order; empty when there are none. */
  messages(name: string): readonly MessageView[] {
    const value = this.get(name);
    const values = value instanceof Map ? [...value.values()] : Array.isArray(value) ? value : [];
    return values.filter((item) => item instanceof MessageView);
  }

  /** Returns the messages right below this one, in order of the fields. */
  *children(): Generator<MessageView> {
    for (const field of this.#desc.fields) {
      if (field.message === undefined) continue;
      const value = this.#valueOf(field);
      const values = value instanceof Map ? value.values() : Array.isArray(value) ? value : [value];
      for (const item of values) if (item instanceof MessageView) yield item;
    }
  }

  #field(name: string): DescField {
    const entry = fieldTablesOf(this.#registry).of(this.#desc).byName.get(name);
    if (entry) return entry.field;
    throw new TypeError(`cannot look at ${this.typeName} as it has no field ${name}`);
  }

  #valueOf(field: DescField): FieldValue | undefined {
    const value = localValue(field, this.#message);
    if (value === undefined) return undefined;
    switch (field.fieldKind) {
      case "list":
        return (value as unknown[]).map((item, index) => this.#single(field, item, [index]));
      case "map": {
        const entries = Object.entries(value as object);
        return new Map(entries.map(([key, item]) => [key, this.#single(field, item, [key])]));
      }
      default:
        return this.#single(field, value, []);
    }
  }

  #single(field: DescField, value: unknown, keys: Path): FieldValue {
    const isMessage = field.message && typeof value === "object" && value !== null &&
      "$typeName" in value;
    if (!isMessage || field.message === undefined) return value as FieldValue;
    const parent = { view: this, keys: [field.name, ...keys] };
    return createView(this.#registry, { desc: field.message, message: value as Message, parent });
  }
}

interface ViewSource {
  readonly desc: DescMessage;
  readonly message: Message;
  readonly parent?: { readonly view: MessageView; readonly keys: Path };
}

function createView(registry: Registry, source: ViewSource): MessageView {
  const content = isAny(source.message) ? contentOf(registry, source.message) : undefined;
  if (content === undefined) return new MessageView({ registry, ...source });
  return createView(registry, { ...source, desc: content.desc, message: content.message });
}

/** Returns a view of a whole message. */
export function viewOf(message: AnyMessage): MessageView {
  return createView(loadRegistry(), message.described);
}

/** Called for a message; returns `"skip"` to leave out what is below it. */
export type Visitor = (view: MessageView) => "skip" | void;

/** Messages below this depth are not visited: an Any may hold an Any that holds an Any. */
const MAX_WALK_DEPTH = 200;

/**
 * Visits a message and every message in it, at any depth and also within an Any, parents before
 * children, in order of the fields.
 */
export function walk(message: AnyMessage, visit: Visitor): void {
  walkView(viewOf(message), visit, 0);
}

function walkView(view: MessageView, visit: Visitor, depth: number): void {
  if (visit(view) === "skip" || depth === MAX_WALK_DEPTH) return;
  for (const child of view.children()) walkView(child, visit, depth + 1);
}

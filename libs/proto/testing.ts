// SPDX-License-Identifier: Apache-2.0
/**
 * Random messages of any type, the same for the same seed, and short ways to read in tests.
 * @module
 */
import assert from "node:assert/strict";
import {
  create,
  type DescField,
  type DescMessage,
  type Message,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { formatProblem } from "@denvoy/base";
import { Chance } from "@denvoy/base/testing";
import { isWrapper } from "./field_table.ts";
import type { AnyMessage } from "./message.ts";
import { readMessage } from "./read.ts";
import type { Registry } from "./registry.ts";
import { parseDocuments, type SourceDocument } from "./source.ts";

/** Makes random messages. */
export class RandomMessages {
  readonly #chance: Chance;
  readonly #types: readonly DescMessage[];
  readonly #registry: Registry;

  /** Equal seeds give equal messages. */
  constructor(registry: Registry, seed: number) {
    this.#registry = registry;
    this.#chance = new Chance(seed);
    this.#types = [...registry.messageNames()].sort().flatMap((name) => {
      const desc = registry.message(name);
      return desc && name.startsWith("envoy.") ? [desc] : [];
    });
  }

  /** Returns any type of the Envoy API. */
  type(): DescMessage {
    const type = this.#types[this.#chance.below(this.#types.length)];
    assert.ok(type);
    return type;
  }

  /** Returns a message of a type; `depth` is how deep it may be. */
  message(desc: DescMessage, depth = 4): Message {
    const special = this.#wellKnown(desc, depth);
    if (special) return special;
    const message = create(desc);
    const fields = message as unknown as Record<string, unknown>;
    for (const field of desc.fields) {
      if (this.#chance.happens(0.6)) continue;
      const value = this.#field(field, depth);
      if (value === undefined) continue;
      if (field.oneof) fields[field.oneof.localName] = { case: field.localName, value };
      else fields[field.localName] = value;
    }
    return message;
  }

  /** Returns the bytes of a message of the type with this name. */
  bytes(typeName: string): Uint8Array {
    const desc = this.#registry.message(typeName);
    assert.ok(desc, typeName);
    return toBinary(desc, this.message(desc));
  }

  #field(field: DescField, depth: number): unknown {
    if (field.message && depth === 0) return undefined;
    const length = 1 + this.#chance.below(3);
    if (field.fieldKind === "list") {
      return Array.from({ length }, () => this.#value(field, depth));
    }
    if (field.fieldKind !== "map") return this.#value(field, depth);
    const keys = Array.from({ length }, () => this.#mapKey(field.mapKey));
    return Object.fromEntries(keys.map((key) => [key, this.#value(field, depth)]));
  }

  #mapKey(type: ScalarType): string {
    return String(type === ScalarType.STRING ? this.#text() : this.#scalar(type));
  }

  #value(field: DescField, depth: number): unknown {
    if (field.enum) {
      return field.enum.values[this.#chance.below(field.enum.values.length)]?.number ?? 0;
    }
    if (field.message === undefined) return this.#scalar(field.scalar ?? ScalarType.INT32);
    const { typeName } = field.message;
    const bare = field.fieldKind === "message" && !field.oneof && isWrapper(typeName);
    if (bare) return this.#scalar(field.message.fields[0]?.scalar ?? ScalarType.INT32);
    const isStruct = typeName === "google.protobuf.Struct" &&
      field.parent.typeName !== "google.protobuf.Value";
    return isStruct ? this.#struct() : this.message(field.message, depth - 1);
  }

  #struct(): Record<string, unknown> {
    return {
      [this.#text()]: [1.5, null, { a: this.#text() }],
      z: true,
      a: this.#chance.below(100),
    };
  }

  #wellKnown(desc: DescMessage, depth: number): Message | undefined {
    switch (desc.typeName) {
      case "google.protobuf.Any": {
        const type = this.type();
        const value = toBinary(type, this.message(type, Math.min(depth, 2)));
        return Object.assign(create(desc), {
          typeUrl: `type.googleapis.com/${type.typeName}`,
          value,
        });
      }
      case "google.protobuf.Duration":
      case "google.protobuf.Timestamp":
        return Object.assign(create(desc), {
          seconds: BigInt(this.#chance.below(1_000_000)),
          nanos: this.#chance.below(1_000_000_000),
        });
      case "google.protobuf.FieldMask":
        return Object.assign(create(desc), { paths: ["a_b.c"] });
      case "google.protobuf.Value":
        return Object.assign(create(desc), { kind: { case: "stringValue", value: this.#text() } });
      case "google.protobuf.Struct":
      case "google.protobuf.ListValue":
        return create(desc);
      default:
        return undefined;
    }
  }

  #scalar(type: ScalarType): unknown {
    const size = 2 ** this.#chance.below(20);
    switch (type) {
      case ScalarType.STRING:
        return this.#text();
      case ScalarType.BOOL:
        return this.#chance.happens(0.5);
      case ScalarType.BYTES:
        return Uint8Array.from({ length: this.#chance.below(5) }, () => this.#chance.below(256));
      case ScalarType.DOUBLE:
        return this.#chance.fraction() * size;
      case ScalarType.FLOAT:
        return Math.fround(this.#chance.fraction() * size);
      case ScalarType.INT64:
      case ScalarType.SINT64:
      case ScalarType.SFIXED64:
        return BigInt(this.#chance.below(size)) * (this.#chance.happens(0.3) ? -(2n ** 40n) : 1n);
      case ScalarType.UINT64:
      case ScalarType.FIXED64:
        return BigInt(this.#chance.below(size)) * (this.#chance.happens(0.3) ? 2n ** 44n : 1n);
      case ScalarType.INT32:
      case ScalarType.SINT32:
      case ScalarType.SFIXED32:
        return this.#chance.below(size) * (this.#chance.happens(0.3) ? -1 : 1);
      default:
        return this.#chance.below(size);
    }
  }

  #text(): string {
    const words = [
      "",
      "a",
      "yes",
      "017",
      "1.5",
      "null",
      "ä€😀",
      "a: b",
      "__proto__",
      "x\ny",
      "~",
      "- a",
    ];
    return `${words[this.#chance.below(words.length)]}${
      this.#chance.happens(0.5) ? "" : this.#chance.below(1000)
    }`;
  }
}

/** Returns the only document of a text that has no problems. */
export function onlyDocument(text: string, file?: string): SourceDocument {
  const { documents, problems } = parseDocuments(text, file === undefined ? {} : { file });
  assert.deepEqual(problems.map(formatProblem), []);
  const [document] = documents;
  assert.ok(document !== undefined && documents.length === 1);
  return document;
}

/** Reads a message that has no errors. */
export function readYaml(typeName: string, text: string): AnyMessage {
  const source = onlyDocument(text);
  const { message, problems } = readMessage({
    typeUrl: `x/${typeName}`,
    value: source.value,
    source,
  });
  assert.ok(message !== undefined, problems.map(formatProblem).join("\n"));
  return message;
}

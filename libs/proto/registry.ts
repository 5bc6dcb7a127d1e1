// SPDX-License-Identifier: Apache-2.0
/**
 * The whole Envoy v3 API at run time: every message, enum, service and file by name, so that any
 * extension can be read, checked and written without code of its own.
 * @module
 */
import {
  create,
  createFileRegistry,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
  type FileRegistry,
  fromBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { descriptorFiles } from "./gen/descriptors.ts";

const TYPE_URL_PREFIX = "type.googleapis.com/";

/** Descriptors by name. Immutable; there is one for the process, see {@linkcode loadRegistry}. */
export class Registry {
  /** The same descriptors as @bufbuild/protobuf wants them. */
  readonly files: FileRegistry;
  readonly #extensions = new Map<string, Map<number, DescExtension>>();

  /** `files` holds every file together with what it imports. */
  constructor(files: FileRegistry) {
    this.files = files;
    for (const type of files) {
      if (type.kind !== "extension") continue;
      const extendee = type.extendee.typeName;
      const byNumber = this.#extensions.get(extendee) ?? new Map();
      this.#extensions.set(extendee, byNumber.set(type.number, type));
    }
  }

  /** Returns a message by full name (`envoy.config.cluster.v3.Cluster`). */
  message(typeName: string): DescMessage | undefined {
    return this.files.getMessage(typeName);
  }

  /** Returns a message by type URL; whatever stands before the last slash is ignored, as in Envoy. */
  messageByUrl(typeUrl: string): DescMessage | undefined {
    return this.files.getMessage(typeNameOf(typeUrl));
  }

  /** Returns a service by full name. */
  service(typeName: string): DescService | undefined {
    return this.files.getService(typeName);
  }

  /** Returns the full names of all messages. */
  *messageNames(): Generator<string> {
    for (const type of this.files) if (type.kind === "message") yield type.typeName;
  }

  /** Returns a file by its name, e.g. `envoy/config/cluster/v3/cluster.proto`, for gRPC reflection. */
  fileByName(name: string): RegistryFile | undefined {
    return asRegistryFile(this.files.getFile(name));
  }

  /**
   * Returns the file that defines a message, enum, service, extension, method, field, oneof or enum
   * value by its full name.
   */
  fileContainingSymbol(symbol: string): RegistryFile | undefined {
    const type = this.files.get(symbol);
    if (type) return asRegistryFile(type.file);
    const parent = this.files.get(symbol.slice(0, Math.max(0, symbol.lastIndexOf("."))));
    const member = symbol.slice(symbol.lastIndexOf(".") + 1);
    return parent && hasMember(parent, member) ? asRegistryFile(parent.file) : undefined;
  }

  /** Returns the file that defines the extension `number` of a message. */
  fileContainingExtension(typeName: string, number: number): RegistryFile | undefined {
    return asRegistryFile(this.#extensions.get(typeName)?.get(number)?.file);
  }

  /** Returns the numbers of all extensions of a message in ascending order; empty if there are none. */
  extensionNumbers(typeName: string): readonly number[] {
    return [...this.#extensions.get(typeName)?.keys() ?? []].sort((a, b) => a - b);
  }
}

/** A file descriptor as gRPC reflection sends it. */
export interface RegistryFile {
  /** Name as other files import it. */
  readonly name: string;
  /** Serialized `google.protobuf.FileDescriptorProto`. */
  readonly bytes: Uint8Array;
  /** Names of the files that it imports. */
  readonly dependencies: readonly string[];
}

function asRegistryFile(file: DescFile | undefined): RegistryFile | undefined {
  if (file === undefined) return undefined;
  const name = file.proto.name;
  const bytes = Uint8Array.fromBase64(descriptorFiles[name] ?? "");
  return { name, bytes, dependencies: file.proto.dependency };
}

function hasMember(parent: { readonly kind: string }, name: string): boolean {
  const { fields = [], oneofs = [], methods = [], values = [] } = parent as {
    readonly [list in "fields" | "oneofs" | "methods" | "values"]?: readonly { name: string }[];
  };
  return [...fields, ...oneofs, ...methods, ...values].some((member) => member.name === name);
}

let loaded: Registry | undefined;

/** Returns the registry; the first call takes about 0.1 s, later ones nothing. */
export function loadRegistry(): Registry {
  loaded ??= new Registry(createFileRegistry(create(FileDescriptorSetSchema, {
    file: Object.values(descriptorFiles).map((base64) =>
      fromBinary(FileDescriptorProtoSchema, Uint8Array.fromBase64(base64))
    ),
  })));
  return loaded;
}

/** Returns the full name in a type URL: what follows the last slash. */
export function typeNameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}

/** Returns the type URL of a full name, with the prefix that Envoy uses. */
export function typeUrlOf(typeName: string): string {
  return TYPE_URL_PREFIX + typeName;
}

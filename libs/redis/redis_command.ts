// SPDX-License-Identifier: Apache-2.0
/**
 * Calls of scripts as bytes of Redis's protocol. They are most of what a busy service sends, with
 * thousands of short arguments each: written here in one go, as ioredis joins a text for each argument
 * and then encodes it, which costs as much as everything else on the way to Redis.
 * @module
 */
import { Buffer } from "node:buffer";
import { Command } from "ioredis";
import type { KeyList } from "./key_list.ts";

/** A call of a script. */
export interface ScriptCall {
  /** Names of keys, at least one, or lists of names that are written already. */
  readonly keys: readonly (string | KeyList)[];
  /** The rest. */
  readonly args: readonly (string | number)[];
}

/** Returns the name of the first key of a call; undefined when it has none. */
export function firstKey({ keys: [first] }: ScriptCall): string | undefined {
  return typeof first === "string" ? first : first?.first();
}

/** Returns how many keys there are. */
export function keyCount(keys: ScriptCall["keys"]): number {
  return keys.reduce((sum, key) => sum + (typeof key === "string" ? 1 : key.size), 0);
}

/** How a script is named: by its SHA-1, or by its text. */
export interface ScriptName {
  /** The command. */
  readonly command: "evalsha" | "eval";
  /** What `command` takes. */
  readonly script: string;
}

/** A call that ioredis sends as it is. */
export class ScriptCommand extends Command {
  readonly #bytes: Buffer;

  /** Encodes the call. */
  constructor({ command, script }: ScriptName, call: ScriptCall) {
    // ioredis looks at the first key only, for the slot in a cluster.
    super(command, [script, "1", firstKey(call) ?? ""], { replyEncoding: "utf8" });
    this.#bytes = writer.scriptCall({ command, script }, call);
  }

  /** The bytes; the same for each attempt of a cluster. */
  override toWritable(): Buffer {
    return this.#bytes;
  }
}

const encoder = new TextEncoder();
/** The longest `$<length>\r\n` and `\r\n` around an argument. */
const FRAME_BYTES = 16;
const CR = 13;
const LF = 10;

const FIRST_BYTES = 64 * 1024;
/** A buffer that had to become larger goes with its call. */
const KEPT_BYTES = 1024 * 1024;

/** Writes into one buffer, which grows to the largest usual call. */
class RespWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #at = 0;

  scriptCall({ command, script }: ScriptName, { keys, args }: ScriptCall): Buffer {
    this.#at = 0;
    const count = keyCount(keys);
    this.#head("*", 3 + count + args.length);
    this.#text(command);
    this.#text(script);
    this.#text(String(count));
    for (const key of keys) {
      if (typeof key === "string") this.#text(key);
      else this.#list(key);
    }
    for (const arg of args) {
      if (arg === 0 || arg === 1) this.#digit(arg);
      else this.#text(String(arg));
    }
    return this.#finish();
  }

  /** The socket takes the bytes later: they must not change any more. */
  #finish(): Buffer {
    const written = this.#bytes.subarray(0, this.#at);
    if (this.#bytes.byteLength <= KEPT_BYTES) return Buffer.from(written);
    this.#bytes = new Uint8Array(FIRST_BYTES);
    return Buffer.from(written.buffer, 0, this.#at);
  }

  #text(text: string): void {
    this.#reserve(FRAME_BYTES + 3 * text.length);
    const start = this.#at;
    this.#head("$", text.length);
    if (!this.#ascii(text)) {
      this.#at = start;
      const octets = encoder.encode(text);
      this.#head("$", octets.byteLength);
      this.#bytes.set(octets, this.#at);
      this.#at += octets.byteLength;
    }
    this.#end();
  }

  /** Writes a text as it is, unless it holds something that takes more than an octet. */
  #ascii(text: string): boolean {
    const { length } = text;
    const bytes = this.#bytes;
    const at = this.#at;
    for (let n = 0; n < length; n++) {
      const code = text.charCodeAt(n);
      if (code > 127) return false;
      bytes[at + n] = code;
    }
    this.#at = at + length;
    return true;
  }

  #list({ bytes }: KeyList): void {
    this.#reserve(bytes.byteLength);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.byteLength;
  }

  #digit(digit: 0 | 1): void {
    this.#reserve(FRAME_BYTES);
    this.#head("$", 1);
    this.#bytes[this.#at++] = 48 + digit;
    this.#end();
  }

  #head(mark: "*" | "$", length: number): void {
    this.#bytes[this.#at++] = mark.charCodeAt(0);
    if (length < 10) this.#bytes[this.#at++] = 48 + length;
    else if (length < 100) {
      this.#bytes[this.#at++] = 48 + Math.floor(length / 10);
      this.#bytes[this.#at++] = 48 + length % 10;
    } else this.#ascii(String(length));
    this.#end();
  }

  #end(): void {
    this.#bytes[this.#at++] = CR;
    this.#bytes[this.#at++] = LF;
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.byteLength) return;
    const larger = new Uint8Array(2 * (this.#at + count));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}

const writer = new RespWriter();

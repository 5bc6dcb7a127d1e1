// SPDX-License-Identifier: Apache-2.0
/**
 * Reads the requests that nearly all are, a domain and descriptors of texts in ASCII, at a fraction of
 * what their message costs. It leaves everything else to the message's own codec: it says so, and
 * never guesses.
 * @module
 */
import type { RequestEntry } from "../domain/descriptor_matcher.ts";
import type { HitDescriptor, HitRequest } from "../domain/rate_limit_plan.ts";

/** Texts that are known again: domains and keys, which come from Envoy's configuration. */
const KNOWN_TEXTS = 256;
const LONGEST_KNOWN = 64;

/** Fields of RateLimitRequest, RateLimitDescriptor and its Entry: number and type, in one octet. */
const field = { first: 0x0a, second: 0x12, hitsAddend: 0x18 } as const;

/** Reads simple requests. */
export class RequestReader {
  readonly #known: string[] = new Array<string>(KNOWN_TEXTS).fill("");
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** Something was found that is not simple. */
  #isOdd = false;

  /** Returns what a message asks for; undefined when it is not simple, or no message at all. */
  read(bytes: Uint8Array): HitRequest | undefined {
    this.#bytes = bytes;
    this.#at = 0;
    this.#isOdd = false;
    const request = this.#request(bytes.byteLength);
    return this.#isOdd ? undefined : request;
  }

  #request(end: number): HitRequest {
    const descriptors: HitDescriptor[] = [];
    let domain = "";
    let hits = 0;
    while (this.#at < end) {
      const tag = this.#bytes[this.#at++];
      if (tag === field.second) descriptors.push(this.#descriptor(this.#end(end)));
      else if (tag === field.first) domain = this.#knownText(this.#end(end));
      else if (tag === field.hitsAddend) hits = this.#number(end);
      else return this.#odd({ domain, descriptors, hits });
    }
    return { domain, descriptors, hits };
  }

  #descriptor(end: number): HitDescriptor {
    if (this.#bytes[this.#at] !== field.first) return this.#odd({ entries: [] });
    this.#at++;
    const first = this.#entry(this.#end(end));
    if (this.#at === end) return { entries: [first] };
    const entries = [first];
    while (this.#at < end) {
      if (this.#bytes[this.#at++] !== field.first) return this.#odd({ entries });
      entries.push(this.#entry(this.#end(end)));
    }
    return { entries };
  }

  #entry(end: number): RequestEntry {
    let key = "";
    let value = "";
    while (this.#at < end) {
      const tag = this.#bytes[this.#at++];
      if (tag === field.first) key = this.#knownText(this.#end(end));
      else if (tag === field.second) value = this.#text(this.#end(end));
      else return this.#odd({ key, value });
    }
    return { key, value };
  }

  /** Ends the reading: whoever looks for more finds itself at the end. */
  #odd<T>(result: T): T {
    this.#isOdd = true;
    this.#at = this.#bytes.byteLength;
    return result;
  }

  /** Reads a length below 16384, and returns where it ends. */
  #end(outer: number): number {
    const first = this.#bytes[this.#at++] ?? 0;
    let length = first;
    if (first > 127) {
      const second = this.#bytes[this.#at++] ?? 0;
      length = first & 127 | second << 7;
      if (second > 127) return this.#odd(this.#bytes.byteLength);
    }
    const end = this.#at + length;
    return end > outer ? this.#odd(this.#bytes.byteLength) : end;
  }

  /** Reads a number of one octet. */
  #number(end: number): number {
    const value = this.#bytes[this.#at++] ?? 0;
    return value > 127 || this.#at > end ? this.#odd(0) : value;
  }

  /** Reads a text that most likely was read before. */
  #knownText(end: number): string {
    const length = end - this.#at;
    if (length > LONGEST_KNOWN || length === 0) return this.#text(end);
    const first = this.#bytes[this.#at] ?? 0;
    const last = this.#bytes[end - 1] ?? 0;
    const slot = (first + 31 * last + 7 * length) % KNOWN_TEXTS;
    const known = this.#known[slot] ?? "";
    if (known.length === length && this.#isNext(known)) {
      this.#at = end;
      return known;
    }
    const text = this.#text(end);
    if (!this.#isOdd) this.#known[slot] = text;
    return text;
  }

  #isNext(text: string): boolean {
    const at = this.#at;
    const bytes = this.#bytes;
    for (let n = 0; n < text.length; n++) if (text.charCodeAt(n) !== bytes[at + n]) return false;
    return true;
  }

  #text(end: number): string {
    const bytes = this.#bytes;
    let at = this.#at;
    this.#at = end;
    let text = "";
    let all = 0;
    // Four at a time makes fewer texts on the way.
    for (; at + 4 <= end; at += 4) {
      const a = bytes[at] ?? 0;
      const b = bytes[at + 1] ?? 0;
      const c = bytes[at + 2] ?? 0;
      const d = bytes[at + 3] ?? 0;
      all |= a | b | c | d;
      text += String.fromCharCode(a, b, c, d);
    }
    for (; at < end; at++) {
      const octet = bytes[at] ?? 0;
      all |= octet;
      text += String.fromCharCode(octet);
    }
    return all > 127 ? this.#odd(text) : text;
  }
}

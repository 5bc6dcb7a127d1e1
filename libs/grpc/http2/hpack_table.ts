// SPDX-License-Identifier: Apache-2.0
/**
 * The static table of HPACK (RFC 7541 Appendix A), and the dynamic table with its eviction
 * (section 4), as both the encoder and the decoder keep it.
 * @module
 */
import { type Field, newField } from "./field.ts";

const STATIC_PAIRS: readonly (readonly [string, string])[] = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language", ""],
  ["accept-ranges", ""],
  ["accept", ""],
  ["access-control-allow-origin", ""],
  ["age", ""],
  ["allow", ""],
  ["authorization", ""],
  ["cache-control", ""],
  ["content-disposition", ""],
  ["content-encoding", ""],
  ["content-language", ""],
  ["content-length", ""],
  ["content-location", ""],
  ["content-range", ""],
  ["content-type", ""],
  ["cookie", ""],
  ["date", ""],
  ["etag", ""],
  ["expect", ""],
  ["expires", ""],
  ["from", ""],
  ["host", ""],
  ["if-match", ""],
  ["if-modified-since", ""],
  ["if-none-match", ""],
  ["if-range", ""],
  ["if-unmodified-since", ""],
  ["last-modified", ""],
  ["link", ""],
  ["location", ""],
  ["max-forwards", ""],
  ["proxy-authenticate", ""],
  ["proxy-authorization", ""],
  ["range", ""],
  ["referer", ""],
  ["refresh", ""],
  ["retry-after", ""],
  ["server", ""],
  ["set-cookie", ""],
  ["strict-transport-security", ""],
  ["transfer-encoding", ""],
  ["user-agent", ""],
  ["vary", ""],
  ["via", ""],
  ["www-authenticate", ""],
];

/** Entry n of the static table stands at n - 1. */
export const STATIC_TABLE: readonly Field[] = STATIC_PAIRS.map(([name, value]) =>
  newField(name, value)
);

/** Number of entries in the static table; index 62 is the newest dynamic one. */
export const STATIC_ENTRIES: number = STATIC_TABLE.length;

/** Size of the dynamic table before SETTINGS or an update says otherwise. */
export const DEFAULT_TABLE_BYTES = 4_096;

/** A ring of fields, newest first by index; oldest are evicted when it grows beyond `maxBytes`. */
export class DynamicTable {
  #ring: (Field | undefined)[] = new Array(16);
  #newest = -1;
  #count = 0;
  #bytes = 0;
  #maxBytes: number;
  #inserted = 0;

  /** Starts empty. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Octets of all entries, each with the overhead of 32 that section 4.1 asks for. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bound on `bytes`. */
  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** Number of entries. */
  get count(): number {
    return this.#count;
  }

  /** Number of entries ever inserted; says whether an index still means the same. */
  get inserted(): number {
    return this.#inserted;
  }

  /** Returns the entry that was inserted `age` entries ago (0 = newest), if it is still there. */
  get(age: number): Field | undefined {
    if (age >= this.#count) return undefined;
    return this.#ring[(this.#newest - age + this.#ring.length) % this.#ring.length];
  }

  /** Inserts an entry; one larger than the table empties it (section 4.4). */
  insert(field: Field): void {
    this.#inserted++;
    this.#evictTo(this.#maxBytes - field.size);
    if (field.size > this.#maxBytes) return;
    if (this.#count === this.#ring.length) this.#grow();
    this.#newest = (this.#newest + 1) % this.#ring.length;
    this.#ring[this.#newest] = field;
    this.#count++;
    this.#bytes += field.size;
  }

  /** Changes the bound and evicts what no longer fits. */
  resize(maxBytes: number): void {
    this.#inserted++;
    this.#maxBytes = maxBytes;
    this.#evictTo(maxBytes);
  }

  #evictTo(bytes: number): void {
    while (this.#count > 0 && this.#bytes > bytes) {
      const oldest = (this.#newest - this.#count + 1 + this.#ring.length) % this.#ring.length;
      this.#bytes -= this.#ring[oldest]?.size ?? 0;
      this.#ring[oldest] = undefined;
      this.#count--;
    }
  }

  #grow(): void {
    const larger: (Field | undefined)[] = new Array(this.#ring.length * 2);
    for (let age = 0; age < this.#count; age++) larger[this.#count - 1 - age] = this.get(age);
    this.#newest = this.#count - 1;
    this.#ring = larger;
  }
}

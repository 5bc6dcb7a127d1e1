// SPDX-License-Identifier: Apache-2.0
/**
 * A place in a message in the protobuf wire format, moved by reading: for readers that pass over most
 * of a message, where a decoder would make objects of all of it.
 * @module
 */

/** Reads numbers and lengths, and passes over what is not wanted. */
export class WireCursor {
  /** The message. */
  bytes: Uint8Array = new Uint8Array(0);
  /** The present place. */
  position = 0;

  /** Goes to the start of a message. */
  begin(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.position = 0;
  }

  /** Reads a varint; exact up to 2^53, rounded beyond. @throws RangeError */
  varint(): number {
    const { bytes } = this;
    let byte = bytes[this.position++];
    if (byte === undefined) throw new RangeError("a message ends within a number");
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let factor = 0x80;
    for (let index = 1; index < 10; index++) {
      byte = bytes[this.position++];
      if (byte === undefined) throw new RangeError("a message ends within a number");
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
    throw new RangeError("a number has more than 10 bytes");
  }

  /** Reads a length; what it counts lies before `end`. @throws RangeError */
  contentLength(end: number): number {
    const length = this.varint();
    if (this.position + length > end) {
      throw new RangeError(`a length of ${length} leaves its message`);
    }
    return length;
  }

  /** Passes over a length and what it counts. @throws RangeError */
  pass(end: number): void {
    const length = this.contentLength(end);
    this.position += length;
  }

  /** Passes over the value of a field whose tag was read. @throws RangeError */
  skip(tag: number, end: number): void {
    if (tag < 8) throw new RangeError("a field has number 0");
    switch (tag & 7) {
      case 0:
        this.varint();
        break;
      case 1:
        this.position += 8;
        break;
      case 2:
        this.pass(end);
        break;
      case 5:
        this.position += 4;
        break;
      default:
        throw new RangeError(`a field has wire type ${tag & 7}`);
    }
    if (this.position > end) throw new RangeError("a field leaves its message");
  }

  /** Passes over a length-delimited field whose tag was read, and returns its content. */
  content(end: number): Uint8Array {
    const length = this.contentLength(end);
    const start = this.position;
    this.position += length;
    return this.bytes.subarray(start, this.position);
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Reads `io.prometheus.client.MetricFamily` from its wire format, and nothing of it that is not kept:
 * no object and no text is made for a sample whose series is known. Envoy sends each stat as a family
 * of its own with one metric; families of another shape are told to be so (`irregular`), for a
 * general decoder. Gain: benches/metrics.
 * @module
 */

import { WireCursor } from "./wire_cursor.ts";

/** Buckets of one histogram at most; Envoy has 19 by default. */
const MAX_BUCKETS = 512;

const TAG_NAME = 0x0a;
const TAG_TYPE = 0x18;
const TAG_METRIC = 0x22;
const TAG_LABEL = 0x0a;
const TAG_GAUGE = 0x12;
const TAG_COUNTER = 0x1a;
const TAG_SUMMARY = 0x22;
const TAG_UNTYPED = 0x2a;
const TAG_TIMESTAMP = 0x30;
const TAG_HISTOGRAM = 0x3a;
const TAG_DOUBLE_1 = 0x09;
const TAG_DOUBLE_2 = 0x11;

/** Reads one family after the other from a message; its fields tell of the last one. */
export class FamilyReader extends WireCursor {
  /** `type` of the family (MetricType). */
  type = 0;
  /** Where its name begins and ends. */
  nameStart = 0;
  /** See `nameStart`. */
  nameEnd = 0;
  /** Where its labels begin and end, with their tags and lengths; equal when there are none. */
  labelsStart = 0;
  /** See `labelsStart`. */
  labelsEnd = 0;
  /** Value of a counter, gauge or untyped metric. */
  value = 0;
  /** `timestamp_ms`. */
  timestampMs = 0;
  /** Samples of a histogram or summary; NaN when it has more buckets than are kept. */
  count = 0;
  /** Sum of a histogram or summary. */
  sum = 0;
  /** Upper bounds of a histogram, or quantiles of a summary. */
  readonly bounds: Float64Array = new Float64Array(MAX_BUCKETS);
  /** Cumulative counts, or values of quantiles. */
  readonly values: Float64Array = new Float64Array(MAX_BUCKETS);
  /** How many buckets or quantiles there are. */
  length = 0;
  /** Whether it must be decoded otherwise: not one metric, or fields in an unusual order. */
  irregular = false;
  /** Field of the metric that held its value: 2 gauge … 7 histogram; 0 for none. */
  valueField = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));

  /** Sets the message that families are read from. */
  override begin(bytes: Uint8Array): void {
    super.begin(bytes);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Reads the family from `start` to `end`. @throws RangeError on bytes that are none. */
  read(start: number, end: number): void {
    this.type = 0;
    this.nameStart =
      this.nameEnd =
      this.labelsStart =
      this.labelsEnd =
        0;
    this.irregular = false;
    this.valueField = 0;
    this.position = start;
    let metrics = 0;
    while (this.position < end) {
      const tag = this.varint();
      if (tag === TAG_NAME) {
        const length = this.contentLength(end);
        this.nameStart = this.position;
        this.position += length;
        this.nameEnd = this.position;
      } else if (tag === TAG_TYPE) this.type = this.varint();
      else if (tag === TAG_METRIC) {
        const length = this.contentLength(end);
        if (++metrics > 1) this.irregular = true;
        this.#metric(this.position + length);
      } else this.skip(tag, end);
    }
    if (metrics !== 1) this.irregular = true;
    if (this.position !== end) throw new RangeError("a field leaves its metric family");
  }

  #double(end: number): number {
    const at = this.position;
    if (at + 8 > end) throw new RangeError("a number leaves its message");
    this.position = at + 8;
    return this.#view.getFloat64(at, true);
  }

  #metric(end: number): void {
    this.timestampMs = 0;
    while (this.position < end) {
      const at = this.position;
      const tag = this.varint();
      switch (tag) {
        case TAG_LABEL:
          this.pass(end);
          this.#label(at);
          break;
        case TAG_GAUGE:
        case TAG_COUNTER:
        case TAG_UNTYPED:
          this.#scalar(tag, this.contentLength(end));
          break;
        case TAG_SUMMARY:
        case TAG_HISTOGRAM:
          this.#distribution(tag, this.contentLength(end));
          break;
        case TAG_TIMESTAMP:
          this.timestampMs = this.varint();
          break;
        default:
          this.skip(tag, end);
      }
    }
    if (this.position !== end) throw new RangeError("a field leaves its metric");
  }

  /** Labels that stand together are one range of bytes. */
  #label(start: number): void {
    if (this.labelsEnd === 0) this.labelsStart = start;
    else if (this.labelsEnd !== start) this.irregular = true;
    this.labelsEnd = this.position;
  }

  #valueOf(tag: number): void {
    if (this.valueField !== 0) this.irregular = true;
    this.valueField = tag >> 3;
  }

  #scalar(field: number, length: number): void {
    this.#valueOf(field);
    const end = this.position + length;
    this.value = 0;
    while (this.position < end) {
      const tag = this.varint();
      if (tag === TAG_DOUBLE_1) this.value = this.#double(end);
      else this.skip(tag, end);
    }
  }

  #distribution(field: number, length: number): void {
    this.#valueOf(field);
    const end = this.position + length;
    this.count = this.sum = this.length = 0;
    while (this.position < end) {
      const tag = this.varint();
      if (tag === 0x08) this.count = this.varint();
      else if (tag === TAG_DOUBLE_2) this.sum = this.#double(end);
      else if (tag === 0x1a) this.#bucket(field, this.contentLength(end));
      else this.skip(tag, end);
    }
  }

  /** A bucket (count, bound) or a quantile (quantile, value). */
  #bucket(field: number, length: number): void {
    const end = this.position + length;
    let bound = 0;
    let value = 0;
    while (this.position < end) {
      const tag = this.varint();
      if (tag === 0x08) value = this.varint();
      else if (tag === TAG_DOUBLE_1) bound = this.#double(end);
      else if (tag !== TAG_DOUBLE_2) this.skip(tag, end);
      else if (field === TAG_HISTOGRAM) bound = this.#double(end);
      else value = this.#double(end);
    }
    // The bucket of everything is the count itself.
    if (bound === Infinity) return;
    this.bounds[this.length] = bound;
    this.values[this.length] = value;
    if (this.length < MAX_BUCKETS) this.length++;
    else this.count = NaN;
  }
}

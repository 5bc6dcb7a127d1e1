// SPDX-License-Identifier: Apache-2.0
/**
 * Takes the messages of one stream into its node.
 * @module
 */
import { messageCodec, type MessageOf } from "@denvoy/proto";
import type { Fleet } from "../domain/fleet.ts";
import type { Interval } from "../domain/histogram_state.ts";
import type { Label } from "../domain/label.ts";
import type { NodeMetrics } from "../domain/node_metrics.ts";
import type { CutReason, Series, SeriesKind } from "../domain/series.ts";
import { FamilyReader } from "./family_reader.ts";
import type { SeriesCache } from "./series_cache.ts";

/** What a stream's messages are taken in by. */
export interface MetricsIngestParts {
  /** All nodes and series. */
  readonly fleet: Fleet;
  /** The node of the stream. */
  readonly node: NodeMetrics;
  /** Known names with labels; may be shared by streams. */
  readonly cache: SeriesCache;
}

type Family = MessageOf<"io.prometheus.client.MetricFamily">;

const familyCodec = messageCodec("io.prometheus.client.MetricFamily");
const labelCodec = messageCodec("io.prometheus.client.Metric");
const decoder = new TextDecoder();

const TAG_FAMILY = 0x12;
/** Bytes of a name and its labels at most. */
const MAX_KEY_BYTES = 2_048;
const UPTIME = "server.uptime";

/** MetricType by number; what is not there is not kept. */
const kinds: readonly (SeriesKind | undefined)[] = [
  "counter",
  "gauge",
  "summary",
  "gauge",
  "histogram",
];
/** The field of Metric that holds the value of each type. */
const valueFields = [3, 2, 4, 5, 7];

/** Takes in messages. */
export class MetricsIngest {
  readonly #fleet: Fleet;
  readonly #node: NodeMetrics;
  readonly #cache: SeriesCache;
  readonly #reader = new FamilyReader();
  #generation = -1;

  /** Begins a stream; its node was opened for it. */
  constructor({ fleet, node, cache }: MetricsIngestParts) {
    this.#fleet = fleet;
    this.#node = node;
    this.#cache = cache;
  }

  /** The node that messages go into. */
  get node(): NodeMetrics {
    return this.#node;
  }

  /** Takes a StreamMetricsMessage; returns how many samples it had. @throws RangeError, DecodeError */
  take(message: Uint8Array, nowMs: number): number {
    const reader = this.#reader;
    reader.begin(message);
    let samples = 0;
    while (reader.position < message.length) {
      const tag = reader.varint();
      if (tag !== TAG_FAMILY) {
        reader.skip(tag, message.length);
        continue;
      }
      const length = reader.contentLength(message.length);
      const start = reader.position;
      const end = start + length;
      reader.read(start, end);
      if (!reader.irregular) this.#sample();
      else this.#general(message.subarray(start, end));
      // A general decoding reads other messages with the same reader.
      reader.begin(message);
      reader.position = end;
      samples++;
    }
    this.#node.seenMs = nowMs;
    if (samples > 0) this.#node.live = true;
    return samples;
  }

  #sample(): void {
    const found = this.#series();
    if (typeof found === "string") this.#node.cuts[found]++;
    else this.#record(found);
  }

  #series(): Series | CutReason {
    const { index } = this.#fleet;
    if (index.generation !== this.#generation) {
      this.#generation = index.generation;
      this.#cache.clearIfOlder(index.generation);
    }
    if (this.#reader.type >= kinds.length) return "unsupported_type";
    return this.#cache.get(this.#reader) ?? this.#find();
  }

  #find(): Series | CutReason {
    const reader = this.#reader;
    const keyBytes = reader.nameEnd - reader.nameStart + reader.labelsEnd - reader.labelsStart;
    if (keyBytes > MAX_KEY_BYTES) return "too_long";
    const kind = kinds[reader.type];
    if (kind === undefined || valueFields[reader.type] !== reader.valueField) {
      return "unsupported_type";
    }
    const full = this.#fleet.full(this.#node);
    const name = decoder.decode(reader.bytes.subarray(reader.nameStart, reader.nameEnd));
    const found = this.#fleet.index.find({ kind, name, labels: this.#labels() }, full);
    // What there is no room for now may have some later.
    if (found === "node_limit" || found === "fleet_limit") return found;
    if (typeof found !== "string" && this.#fleet.slot(this.#node, found) < 0) {
      return full ?? "node_limit";
    }
    this.#cache.set(reader, found);
    return found;
  }

  #labels(): readonly Label[] {
    const { bytes, labelsStart, labelsEnd } = this.#reader;
    if (labelsStart === labelsEnd) return [];
    const { label } = labelCodec.decode(bytes.subarray(labelsStart, labelsEnd));
    return label.map(({ name = "", value = "" }) => ({ name, value }));
  }

  #record(series: Series): void {
    const slot = this.#fleet.slot(this.#node, series);
    if (slot < 0) {
      this.#node.cuts[this.#fleet.full(this.#node) ?? "node_limit"]++;
      return;
    }
    const { value, timestampMs } = this.#reader;
    this.#node.beginSample(timestampMs);
    switch (series.kind) {
      case "counter":
        if (value >= 0 && value < Infinity) this.#node.counter(slot, value);
        else this.#node.cuts.invalid_value++;
        return;
      case "gauge":
        if (Number.isFinite(value)) this.#gauge(series, slot);
        else this.#node.cuts.invalid_value++;
        return;
      default:
        if (isInterval(this.#reader, series.kind)) this.#distribution(series, slot);
        else this.#node.cuts.invalid_value++;
    }
  }

  #gauge({ name }: Series, slot: number): void {
    const { value } = this.#reader;
    this.#node.gauge(slot, value);
    if (name.length === UPTIME.length && name === UPTIME) this.#node.uptime(value);
  }

  #distribution({ kind }: Series, slot: number): void {
    if (kind === "histogram") this.#node.histogram(slot, this.#reader);
    else this.#node.summary(slot, this.#reader);
  }

  /** Families of unusual shape are brought into the usual one. */
  #general(bytes: Uint8Array): void {
    const family: Family = familyCodec.decode(bytes);
    for (const metric of family.metric) {
      const usual = familyCodec.encode({ ...family, metric: [metric] });
      this.#reader.begin(usual);
      this.#reader.read(0, usual.length);
      if (this.#reader.irregular) this.#node.cuts.unsupported_type++;
      else this.#sample();
    }
  }
}

/**
 * Counts rise from bucket to bucket, and no number is out of the ordinary. What Envoy samples is never
 * negative, and OpenMetrics has no negative sums.
 */
function isInterval(interval: Interval, kind: SeriesKind): boolean {
  const { count, sum, bounds, values, length } = interval;
  if (!(count >= 0 && count < Infinity) || !(sum >= 0 && sum < Infinity)) return false;
  if (kind === "summary") return true;
  let bound = -Infinity;
  let below = 0;
  for (let index = 0; index < length; index++) {
    const nextBound = bounds[index] ?? NaN;
    const next = values[index] ?? NaN;
    if (!(nextBound > bound) || !(next >= below)) return false;
    bound = nextBound;
    below = next;
  }
  return below <= count;
}

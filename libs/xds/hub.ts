// SPDX-License-Identifier: Apache-2.0
/**
 * Owns the streams: tells those that a change concerns, keeps what their nodes said, and wakes who
 * sleeps. A change costs as much as there are streams that want it, and none of them waits for
 * another.
 * @module
 */
import type { Clock } from "@denvoy/base";
import type { DiscoveryNode } from "./discovery_request.ts";
import type { ProtocolMode } from "./encoded_resource.ts";
import { HubStream, type StreamOwner } from "./hub_stream.ts";
import { InterestIndex } from "./interest_index.ts";
import type { Resource, ResourceKey, TypeUrl } from "./resource.ts";
import { ResponseBodyCache, type ResponseBodyCacheOptions } from "./response_body.ts";
import { step } from "./stream.ts";
import type { AcceptedEffect, RejectedEffect, RespondEffect } from "./stream_events.ts";
import type { StreamTuning } from "./stream_options.ts";
import { VerdictBook, type VerdictBookOptions } from "./verdicts.ts";
import type { ResourceView } from "./view.ts";

/** Is told what happens on streams, e.g. to count it. Must not throw, and be quick. */
export interface StreamObserver {
  /** A stream got its first request. */
  onOpened?(stream: HubStream): void;
  /** A stream ended. */
  onClosed?(stream: HubStream): void;
  /** A response was handed to the transport. */
  onSent?(stream: HubStream, response: RespondEffect): void;
  /** A node accepted a response; `nowMs - accepted.changedAtMs` is the push time of a change. */
  onAccepted?(stream: HubStream, accepted: AcceptedEffect, nowMs: number): void;
  /** A node rejected a response. */
  onRejected?(stream: HubStream, rejected: RejectedEffect, nowMs: number): void;
}

/** What a hub is made of. */
export interface HubOptions {
  /** Where time comes from; events carry its monotonic time. */
  readonly clock: Clock;
  /** Told of all that happens. */
  readonly observer?: StreamObserver;
  /** Switches and bounds of each stream. */
  readonly tuning?: Partial<StreamTuning>;
  /** Switches and bounds of what is remembered of NACKs. */
  readonly verdicts?: VerdictBookOptions;
  /** Bounds of shared encoded responses. */
  readonly bodies?: ResponseBodyCacheOptions;
  /** What nonces of this process start with, so that they differ from those before a restart. */
  readonly instance?: string;
}

/** What a new stream is made of. */
export interface OpenOptions {
  /** SotW or Delta. */
  readonly mode: ProtocolMode;
  /** What its node sees. */
  readonly view: ResourceView;
  /** The node of the first request. */
  readonly node?: DiscoveryNode | undefined;
  /** The only type, for services of one type. */
  readonly typeUrl?: TypeUrl;
}

interface Group {
  readonly verdicts: VerdictBook;
  readonly index: InterestIndex<HubStream>;
}

/** For how long shared encoded responses lie before unused ones are looked for. */
const SWEEP_MS = 15_000;

/** All streams of a server, for all views. */
export class Hub {
  readonly #options: HubOptions;
  readonly #bodies: ResponseBodyCache;
  readonly #groups = new WeakMap<ResourceView, Group>();
  readonly #streams = new Set<HubStream>();
  readonly #owner: StreamOwner;
  #nextId = 1;
  #sweeping = false;
  #isEnding = false;

  /** A hub without streams. */
  constructor(options: HubOptions) {
    this.#options = options;
    this.#bodies = new ResponseBodyCache(options.bodies);
    this.#owner = {
      clock: options.clock,
      watch: (stream, typeUrl, names) =>
        this.#group(stream.view).index.watch(stream, typeUrl, names),
      unwatch: (stream, typeUrl, names) =>
        this.#group(stream.view).index.unwatch(stream, typeUrl, names),
      sent: (stream, response) => this.#onSent(stream, response),
      accepted: (stream, accepted) => this.#onAccepted(stream, accepted),
      rejected: (stream, rejected) => this.#onRejected(stream, rejected),
      closed: (stream) => this.#onClosed(stream),
    };
  }

  /** The streams that are open. */
  get streams(): ReadonlySet<HubStream> {
    return this.#streams;
  }

  /** Opens a stream. Whoever opens it closes it. */
  open(options: OpenOptions): HubStream {
    const id = this.#nextId++;
    const stream = new HubStream(this.#owner, {
      ...this.#options.tuning,
      ...options,
      id,
      noncePrefix: `${this.#options.instance ?? ""}${id.toString(36)}.`,
      verdicts: this.#group(options.view).verdicts,
      bodies: this.#bodies,
    });
    this.#streams.add(stream);
    this.#options.observer?.onOpened?.(stream);
    if (this.#isEnding) stream.end();
    return stream;
  }

  /**
   * Ends all streams, and those that are still to be opened, in good order: what is due is sent, then
   * the call ends with OK, and clients go elsewhere. No stream of this protocol ends by itself.
   */
  endStreams(): void {
    this.#isEnding = true;
    for (const stream of this.#streams) stream.end();
  }

  /** Returns what the nodes that see a view accepted and rejected. */
  verdicts(view: ResourceView): VerdictBook {
    return this.#group(view).verdicts;
  }

  /**
   * Tells the streams that see `view` and want any of `keys` that these changed. Call it after the
   * change. It only marks and wakes: responses are made when a transport takes them.
   */
  changed(view: ResourceView, keys: Iterable<ResourceKey>): void {
    const group = this.#groups.get(view);
    if (group === undefined) return;
    const nowMs = this.#options.clock.monotonicMs();
    for (const key of keys) {
      if (view.get(key.typeUrl, key.name) === undefined) group.verdicts.forget(key);
      this.#mark(group, key, nowMs);
    }
  }

  /** Lets a rejected resource be sent again as it is, to those who rejected it, too. */
  retry(view: ResourceView, key: ResourceKey): void {
    const group = this.#group(view);
    const nowMs = this.#options.clock.monotonicMs();
    group.verdicts.clear(key);
    group.index.visit(key, (stream) => {
      step(stream.state, { kind: "retry", typeUrl: key.typeUrl, name: key.name, nowMs });
    });
    this.#mark(group, key, nowMs);
  }

  /** Lets a stream see another view; only what differs is sent. */
  reassign(stream: HubStream, view: ResourceView): void {
    if (stream.view === view || !this.#streams.has(stream)) return;
    const nowMs = this.#options.clock.monotonicMs();
    const { verdicts, index } = this.#group(view);
    const before = this.#group(stream.view).index;
    for (const { typeUrl, names } of stream.watches()) {
      before.unwatch(stream, typeUrl, names);
      index.watch(stream, typeUrl, names);
    }
    step(stream.state, { kind: "reassigned", view, verdicts, nowMs });
    stream.wake();
  }

  #mark(group: Group, key: ResourceKey, nowMs: number): void {
    const names = [key.name];
    const event = { kind: "changed", typeUrl: key.typeUrl, names, nowMs } as const;
    group.index.visit(key, (stream) => {
      step(stream.state, event);
      stream.wake();
    });
  }

  #group(view: ResourceView): Group {
    const known = this.#groups.get(view);
    if (known !== undefined) return known;
    const group = {
      verdicts: new VerdictBook(this.#options.verdicts),
      index: new InterestIndex<HubStream>(),
    };
    this.#groups.set(view, group);
    return group;
  }

  #onSent(stream: HubStream, response: RespondEffect): void {
    this.#options.observer?.onSent?.(stream, response);
    if (this.#sweeping || this.#bodies.recentCount === 0) return;
    this.#sweeping = true;
    this.#options.clock.after(SWEEP_MS, () => this.#sweep());
  }

  #sweep(): void {
    this.#bodies.sweep(this.#options.clock.monotonicMs());
    this.#sweeping = this.#bodies.recentCount > 0;
    if (this.#sweeping) this.#options.clock.after(SWEEP_MS, () => this.#sweep());
  }

  #onAccepted(stream: HubStream, accepted: AcceptedEffect): void {
    const { view } = stream;
    const nowMs = this.#options.clock.monotonicMs();
    const isCurrent = ({ typeUrl, name, version }: Resource) =>
      view.get(typeUrl, name)?.version === version;
    const group = this.#group(view);
    for (const key of group.verdicts.accept(accepted.resources, isCurrent)) {
      this.#mark(group, key, nowMs);
    }
    this.#options.observer?.onAccepted?.(stream, accepted, nowMs);
  }

  #onRejected(stream: HubStream, rejected: RejectedEffect): void {
    const nowMs = this.#options.clock.monotonicMs();
    const group = this.#group(stream.view);
    group.verdicts.noteNack(rejected.typeUrl);
    for (const resource of rejected.resources) {
      const isHeldBack = group.verdicts.reject(resource, { ...rejected.detail, nowMs });
      if (isHeldBack) this.#mark(group, resource, nowMs);
    }
    this.#options.observer?.onRejected?.(stream, rejected, nowMs);
  }

  #onClosed(stream: HubStream): void {
    if (!this.#streams.delete(stream)) return;
    const { index } = this.#group(stream.view);
    for (const { typeUrl, names } of stream.watches()) index.unwatch(stream, typeUrl, names);
    this.#options.observer?.onClosed?.(stream);
  }
}
